//! What is dialed: a URL that was parsed, brought into canonical form and admitted (G5.1, G5.2).

use std::fmt;
use std::net::IpAddr;

use url::Url;

use super::address::{Class, class};
use super::error::Refusal;
use super::name::{self, Network};
use super::port;
use super::rules::Rules;

/// The longest URL that is dialed, in bytes.
pub const MAX_URL_BYTES: usize = 2_048;

/// Whose address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trust {
    /// From the configuration: inside networks and every port are allowed.
    Operator,
    /// From events, users or documents: everything of G5 holds.
    Stranger,
}

impl Trust {
    /// A word for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Stranger => "stranger",
        }
    }
}

/// Which schemes belong here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `http` and `https`.
    Web,
    /// `ws` and `wss`.
    Relay,
}

impl Family {
    /// Whether the scheme is one of this family; and with TLS?
    fn tls(self, scheme: &str) -> Option<bool> {
        match (self, scheme) {
            (Self::Web, "http") | (Self::Relay, "ws") => Some(false),
            (Self::Web, "https") | (Self::Relay, "wss") => Some(true),
            _ => None,
        }
    }

    const fn schemes(self) -> &'static str {
        match self {
            Self::Web => "http and https",
            Self::Relay => "ws and wss",
        }
    }
}

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An IP address; never an IPv4 address in IPv6 clothes.
    Address(IpAddr),
    /// A name in lower case, in ASCII, without a dot at its end.
    Name(String),
}

impl fmt::Display for Host {
    /// As in a URL: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// An admitted URL. That a name does not lead inside is found out when it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
    tls: bool,
    trust: Trust,
}

impl Target {
    /// Parses and judges a URL without any look-up. White space around it is ignored, and so is a fragment.
    ///
    /// The host is in canonical form before it is judged: the WHATWG parser decodes percent signs, maps Unicode to ASCII and reads
    /// decimal, octal, hexadecimal and shortened IPv4 addresses.
    ///
    /// # Errors
    /// Why the URL may not be dialed.
    pub fn parse(text: &str, family: Family, trust: Trust, rules: &Rules) -> Result<Self, Refusal> {
        let mut url = parse_url(text.trim())?;
        let tls = family
            .tls(url.scheme())
            .ok_or(Refusal::Scheme(family.schemes()))?;
        if has_user_info(text) || !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        url.set_fragment(None);
        let host = canonical_host(&url)?;
        if let Host::Name(name) = &host {
            url.set_host(Some(name)).map_err(|_| Refusal::Host)?;
        }
        // Percent signs and Punycode make it longer than what was written.
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(Refusal::TooLong(MAX_URL_BYTES));
        }
        let port = url.port_or_known_default().ok_or(Refusal::Host)?;
        let target = Self {
            url,
            host,
            port,
            tls,
            trust,
        };
        target.admit(rules)?;
        Ok(target)
    }

    fn admit(&self, rules: &Rules) -> Result<(), Refusal> {
        let network = match &self.host {
            Host::Name(name) => Network::of(name),
            Host::Address(_) => None,
        };
        if let Some(network) = network
            && !rules.has_proxy_of(network)
        {
            return Err(Refusal::NoProxy(network));
        }
        if self.trust == Trust::Operator {
            return Ok(());
        }
        if port::is_denied(self.port) {
            return Err(Refusal::Port(self.port));
        }
        match &self.host {
            Host::Name(name) if name::is_inside(name) => Err(Refusal::Name(name.clone())),
            Host::Name(_) => Ok(()),
            Host::Address(address) => rules
                .admit(*address)
                .map_err(|class| Refusal::Address(*address, class)),
        }
    }

    /// The canonical URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Where it leads.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port, that of the scheme when the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whose address it is.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// For the `Host` header: the host, and the port unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// For the request line: path and query.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

impl Rules {
    /// Whether a stranger may have us dial the address, or its class.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), Class> {
        match class(address) {
            Class::Public => Ok(()),
            _ if self.allows(address) => Ok(()),
            other => Err(other),
        }
    }
}

/// The WHATWG parser leaves out tabs and line ends and takes a backslash for a slash; other programs do not, so they are refused.
fn parse_url(text: &str) -> Result<Url, Refusal> {
    if text.len() > MAX_URL_BYTES {
        return Err(Refusal::TooLong(MAX_URL_BYTES));
    }
    let ambiguous = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.contains(ambiguous) {
        return Err(Refusal::Url(
            "white space, control characters and backslashes do not belong in it".into(),
        ));
    }
    Url::parse(text).map_err(|error| Refusal::Url(error.to_string()))
}

/// Whether there is an `@` before the path. The parser drops one that nothing stands before.
fn has_user_info(text: &str) -> bool {
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest);
    let rest = rest.trim_start_matches('/');
    rest.split(['/', '?', '#'])
        .next()
        .is_some_and(|authority| authority.contains('@'))
}

/// The most bytes of a name and of one of its labels (RFC 1035).
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

fn canonical_host(url: &Url) -> Result<Host, Refusal> {
    let name = match url.host().ok_or(Refusal::Host)? {
        url::Host::Ipv4(address) => return Ok(Host::Address(address.into())),
        url::Host::Ipv6(address) => {
            return Ok(Host::Address(IpAddr::V6(address).to_canonical()));
        }
        url::Host::Domain(name) => name.strip_suffix('.').unwrap_or(name),
    };
    let label_fits = |label: &str| (1..=MAX_LABEL_BYTES).contains(&label.len());
    let byte_fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.len() > MAX_NAME_BYTES
        || !name.split('.').all(label_fits)
        || !name.bytes().all(byte_fits)
    {
        return Err(Refusal::Host);
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relay(text: &str, trust: Trust) -> Result<Target, Refusal> {
        Target::parse(text, Family::Relay, trust, &Rules::default())
    }

    #[test]
    fn g5_1_what_is_admitted_is_canonical() {
        let target = relay(" WSS://Relay.Example.COM.:443/a?b=c#d ", Trust::Stranger).unwrap();
        assert_eq!(target.url(), "wss://relay.example.com/a?b=c");
        assert_eq!(target.authority(), "relay.example.com");
        assert_eq!((target.port(), target.is_tls()), (443, true));
        assert_eq!(target.path_and_query(), "/a?b=c");
        let target = relay("ws://[2606:4700::0:1]:7777", Trust::Stranger).unwrap();
        assert_eq!(target.authority(), "[2606:4700::1]:7777");
        let target = relay("ws://0x01010101/", Trust::Stranger).unwrap();
        assert_eq!(target.host(), &Host::Address("1.1.1.1".parse().unwrap()));
        let target = relay("wss://bücher.example.org", Trust::Stranger).unwrap();
        assert_eq!(target.url(), "wss://xn--bcher-kva.example.org/");
    }

    #[test]
    fn g5_1_an_operator_may_dial_inside_but_not_everything() {
        for url in [
            "ws://localhost:7447",
            "ws://10.0.0.5",
            "ws://relay:22",
            "ws://[::1]",
        ] {
            relay(url, Trust::Operator).unwrap();
        }
        let refusal = |url| relay(url, Trust::Operator).unwrap_err();
        assert!(matches!(refusal("http://relay"), Refusal::Scheme(_)));
        assert_eq!(refusal("ws://a:b@relay"), Refusal::UserInfo);
        assert_eq!(refusal("ws://@relay"), Refusal::UserInfo);
        assert_eq!(refusal("ws://abc.onion"), Refusal::NoProxy(Network::Tor));
        let long = format!("ws://relay/{}", "x".repeat(MAX_URL_BYTES));
        assert_eq!(refusal(&long), Refusal::TooLong(MAX_URL_BYTES));
        let grows = format!("ws://relay/{}", "\u{20ac}".repeat(300));
        assert_eq!(refusal(&grows), Refusal::TooLong(MAX_URL_BYTES));
    }

    #[test]
    fn g5_1_an_at_sign_in_the_path_is_no_user() {
        relay("wss://relay.example.com/@me?x=a@b", Trust::Stranger).unwrap();
    }

    #[test]
    fn g5_2_the_allow_list_opens_what_it_names_and_no_more() {
        let rules = Rules::new(vec!["127.0.0.0/8".parse().unwrap()], []);
        let parse = |url| Target::parse(url, Family::Web, Trust::Stranger, &rules);
        parse("http://127.0.0.1:8080/").unwrap();
        parse("http://[::ffff:127.0.0.1]:8080/").unwrap();
        assert!(parse("http://10.0.0.1/").is_err());
        assert!(parse("http://[::1]/").is_err());
        assert!(parse("http://127.0.0.1:22/").is_err());
    }

    proptest! {
        #[test]
        fn g5_1_whatever_is_admitted_is_public_and_stays_the_same(text in "(http|https|ws|ftp)://[a-z0-9.:@\\[\\]%x/-]{1,40}") {
            let parse = |text: &str| Target::parse(text, Family::Web, Trust::Stranger, &Rules::default());
            if let Ok(target) = parse(&text) {
                if let Host::Address(address) = target.host() {
                    prop_assert_eq!(class(*address), Class::Public);
                }
                prop_assert_eq!(parse(target.url()).unwrap(), target);
            }
        }

        #[test]
        fn g5_1_no_text_is_too_strange(text in "\\PC*") {
            let _ = relay(&text, Trust::Stranger);
            let _ = relay(&format!("ws://{text}"), Trust::Stranger);
        }

        #[test]
        fn g5_1_every_spelling_of_an_address_is_that_address(bits: u32) {
            let ip = std::net::Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = ip.octets();
            let spellings = [
                format!("{ip}"),
                format!("{bits}"),
                format!("0x{bits:x}"),
                format!("0{bits:o}"),
                format!("{a}.{}", bits & 0xff_ffff),
                format!("0x{a:X}.0{b:o}.{}", bits & 0xffff),
                format!("{a:#x}.{b}.{c:#x}.{d}."),
                format!("[::ffff:{ip}]"),
                format!("{ip}").replace('2', "②").replace('1', "%31").replace('.', "%2e"),
            ];
            for spelling in spellings {
                let judged = Target::parse(&format!("http://{spelling}/"), Family::Web, Trust::Stranger, &Rules::default());
                match judged {
                    Ok(target) => {
                        prop_assert_eq!(target.host(), &Host::Address(ip.into()));
                        prop_assert!(super::super::address::is_public(ip.into()));
                    }
                    Err(refusal) => prop_assert_eq!(refusal, Refusal::Address(ip.into(), class(ip.into())), "{}", spelling),
                }
            }
        }
    }
}
