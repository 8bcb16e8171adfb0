//! The one spelling of a relay's URL in the observatory (O1.2).
//!
//! Mentions come from strangers in any spelling. Here each becomes the canonical form of the `url` crate (RFC 3986 and the URL
//! standard: lower case, punycode, no default port, no dot segments), without query and fragment, with the root path written `/` and
//! nothing percent-encoded that need not be, or is no relay's URL at all. Whether it may be dialled is not decided here but by the
//! dialer, at every dial.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

/// The longest URL, in bytes, as written and in canonical form.
pub const MAX_BYTES: usize = 2_048;

/// By what network a relay is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The internet.
    Clearnet,
    /// `.onion`.
    Tor,
    /// `.i2p`.
    I2p,
    /// `.loki`.
    Loki,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clearnet, Self::Tor, Self::I2p, Self::Loki];

    /// Its word in tables, answers and NIP-66 (`n`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clearnet => "clearnet",
            Self::Tor => "tor",
            Self::I2p => "i2p",
            Self::Loki => "loki",
        }
    }

    /// The network of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    fn of(host: &str) -> Self {
        match host.rsplit('.').next() {
            Some("onion") => Self::Tor,
            Some("i2p") => Self::I2p,
            Some("loki") => Self::Loki,
            _ => Self::Clearnet,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no relay's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RelayUrlError {
    /// Longer than [`MAX_BYTES`].
    #[error("longer than 2,048 bytes")]
    TooLong,
    /// Not a URL.
    #[error("not a URL")]
    Syntax,
    /// Neither `ws` nor `wss`.
    #[error("the scheme is neither ws nor wss")]
    Scheme,
    /// A user name or password.
    #[error("the URL has user information in it")]
    UserInfo,
    /// No name that a host can have.
    #[error("not a host name")]
    Host,
}

/// A relay's URL in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RelayUrl {
    url: String,
    #[serde(skip)]
    network: Network,
}

impl RelayUrl {
    /// Reads a URL as somebody wrote it.
    ///
    /// # Errors
    /// [`RelayUrlError`].
    pub fn parse(text: &str) -> Result<Self, RelayUrlError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(RelayUrlError::TooLong);
        }
        // The URL standard drops these; a mention that has them was cut out of a longer text.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(RelayUrlError::Syntax);
        }
        let mut url = Url::parse(text).map_err(|_| RelayUrlError::Syntax)?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(RelayUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RelayUrlError::UserInfo);
        }
        let network = network(&mut url)?;
        url.set_query(None);
        url.set_fragment(None);
        spell_path(&mut url);
        if url.as_str().len() > MAX_BYTES {
            return Err(RelayUrlError::TooLong);
        }
        Ok(Self {
            url: url.into(),
            network,
        })
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// By what network it is reached.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Whether the connection is through TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.url.starts_with("wss:")
    }

    /// The host as it stands in the URL.
    #[must_use]
    pub fn host(&self) -> &str {
        host_of(&self.url)
    }

    /// Whether there is nothing in it but the scheme and the host: no port, and the root path.
    pub(crate) fn is_bare(&self) -> bool {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.strip_suffix('/') == Some(self.host())
    }
}

/// The host of a URL in canonical form, as it stands there.
pub(crate) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

/// Judges the host, takes the dot off its end, and says what network it is in.
fn network(url: &mut Url) -> Result<Network, RelayUrlError> {
    let name = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(_) => return Ok(Network::Clearnet),
        None => return Err(RelayUrlError::Host),
    };
    let bare = name.strip_suffix('.').unwrap_or(&name);
    let label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(fits)
    };
    if bare.len() > 253 || !bare.split('.').all(label) {
        return Err(RelayUrlError::Host);
    }
    let network = Network::of(bare);
    if bare.len() < name.len() {
        let bare = bare.to_owned();
        url.set_host(Some(&bare)).map_err(|_| RelayUrlError::Host)?;
    }
    Ok(network)
}

/// Slashes at the end say nothing: `/` for the root, none elsewhere.
fn spell_path(url: &mut Url) {
    let path = spell_escapes(url.path());
    let path = path.trim_end_matches('/');
    url.set_path(if path.is_empty() { "/" } else { path });
}

/// Writes what stands for itself as it is, and the hexadecimal digits of all else in upper case (RFC 3986, section 6.2.2). A `%` that
/// begins no escape is escaped: with what is decoded behind it, it would else become one, and the URL another the next time.
fn spell_escapes(path: &str) -> String {
    let mut spelled = String::with_capacity(path.len());
    let mut parts = path.split('%');
    spelled.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.get(..2).zip(part.get(2..));
        let escape = digits.and_then(|(digits, rest)| Some((escaped(digits)?, rest)));
        let rest = match escape {
            Some((byte, rest)) if is_unreserved(byte) => {
                spelled.push(char::from(byte));
                rest
            }
            Some((byte, rest)) => {
                spelled.push_str(&format!("%{byte:02X}"));
                rest
            }
            None => {
                spelled.push_str("%25");
                part
            }
        };
        spelled.push_str(rest);
    }
    spelled
}

/// The byte that two hexadecimal digits stand for.
fn escaped(digits: &str) -> Option<u8> {
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(digits, 16).ok())?
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl FromStr for RelayUrl {
    type Err = RelayUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> String {
        RelayUrl::parse(text).unwrap().as_str().to_owned()
    }

    #[test]
    fn o1_2_one_relay_has_one_spelling() {
        for text in [
            "wss://relay.example.com",
            "WSS://Relay.Example.com/",
            "  wss://relay.example.com:443// ",
            "wss://relay.example.com./?a=b#c",
            "wss://relay.example.com/./x/..",
        ] {
            assert_eq!(one(text), "wss://relay.example.com/", "{text}");
        }
        assert_eq!(one("ws://a.b:80/x/y/"), "ws://a.b/x/y");
        assert_eq!(one("wss://bücher.example/"), "wss://xn--bcher-kva.example/");
        assert_eq!(one("ws://[2001:DB8::1]:7000"), "ws://[2001:db8::1]:7000/");
        assert_eq!(one("ws://0x7f.1/"), "ws://127.0.0.1/");
    }

    #[test]
    fn o1_2_what_is_escaped_without_need_is_the_same_relay() {
        for path in ["/~a", "/%7Ea", "/%7ea", "/%7e%61/", "/x/%2E%2e/~a"] {
            assert_eq!(one(&format!("wss://a.b{path}")), "wss://a.b/~a", "{path}");
        }
        assert_eq!(one("wss://a.b/x%2fy%c3%A4"), "wss://a.b/x%2Fy%C3%A4");
        assert_eq!(one("wss://a.b/%2f/"), "wss://a.b/%2F");
        // What a server makes of two escapes is not made of one.
        assert_eq!(one("wss://a.b/%2541"), "wss://a.b/%2541");
        assert_eq!(one("wss://a.b/%%34%31"), "wss://a.b/%2541");
        assert_eq!(one("wss://a.b/%ä%+1%4"), "wss://a.b/%25%C3%A4%25+1%254");
        let long = format!("wss://a.b/{}", "%".repeat(MAX_BYTES / 2));
        assert_eq!(RelayUrl::parse(&long), Err(RelayUrlError::TooLong));
    }

    #[test]
    fn o1_2_networks_are_told_apart() {
        let network = |text: &str| RelayUrl::parse(text).unwrap().network();
        assert_eq!(network("ws://abc.onion"), Network::Tor);
        assert_eq!(network("ws://abc.b32.I2P."), Network::I2p);
        assert_eq!(network("ws://abc.loki:9"), Network::Loki);
        assert_eq!(network("wss://onion.example.com"), Network::Clearnet);
        assert_eq!(network("wss://192.0.2.1"), Network::Clearnet);
        for network in Network::ALL {
            assert_eq!(Network::parse(network.as_str()), Some(network));
        }
    }

    #[test]
    fn o1_2_what_is_no_relay_is_said_why() {
        let error = |text: &str| RelayUrl::parse(text).unwrap_err();
        assert_eq!(error("https://a.b"), RelayUrlError::Scheme);
        assert_eq!(error("wss://u:p@a.b"), RelayUrlError::UserInfo);
        assert_eq!(error("wss://a..b"), RelayUrlError::Host);
        assert_eq!(error("wss://a.b/ wss://c.d"), RelayUrlError::Syntax);
        assert_eq!(error("relay"), RelayUrlError::Syntax);
        let long = format!("wss://a.b/{}", "x".repeat(MAX_BYTES));
        assert_eq!(error(&long), RelayUrlError::TooLong);
        assert_eq!(
            error(&format!("wss://{}.b", "x".repeat(64))),
            RelayUrlError::Host
        );
    }

    #[test]
    fn o1_2_the_host_is_found() {
        let host = |text: &str| RelayUrl::parse(text).unwrap().host().to_owned();
        assert_eq!(host("wss://a.b:9/x"), "a.b");
        assert_eq!(host("wss://[::1]"), "[::1]");
        assert_eq!(host("wss://[::1]:90/x"), "[::1]");
        let bare = |text: &str| RelayUrl::parse(text).unwrap().is_bare();
        assert!(bare("wss://a.b") && bare("ws://[::1]:80/"));
        assert!(!bare("wss://a.b/x") && !bare("wss://a.b:9") && !bare("ws://[::1]:9"));
    }

    proptest! {
        #[test]
        fn o1_2_the_spelling_is_stable(text in "(wss?|WSS)://[a-zA-Z0-9.äß-]{1,20}(:[0-9]{1,5})?(/[a-z/.%?#]{0,12})?") {
            if let Ok(url) = RelayUrl::parse(&text) {
                let again = RelayUrl::parse(url.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&url));
                prop_assert!(!url.as_str().contains(['?', '#']));
            }
        }

        #[test]
        fn o1_2_the_spelling_of_escapes_is_stable(path in "([%/.~]|[0-9a-fA-F]|%[0-9a-fA-F]{2}|%2[eEfF5]|\\PC){0,40}") {
            if let Ok(url) = RelayUrl::parse(&format!("wss://a.b/{path}")) {
                let again = RelayUrl::parse(url.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&url));
                prop_assert!(url.as_str().len() <= MAX_BYTES);
            }
        }

        #[test]
        fn o1_2_nothing_panics(text in any::<String>()) {
            let _ = RelayUrl::parse(&text);
        }
    }
}
