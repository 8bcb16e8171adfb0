//! Asking a domain whose an address is.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use stentor_event::PublicKey;
use stentor_net::dial::{Dialer, Family, Trust};
use stentor_net::http::{Excess, HttpError, Request, StatusCode};
use stentor_store::BoxFuture;

/// Most bytes of a server's answer.
const MAX_ANSWER: usize = 256 * 1024;
/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest domain name (RFC 1035).
const MAX_DOMAIN: usize = 253;

/// An address, `name@domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) name: String,
    /// In lower case.
    pub(super) domain: String,
}

/// What a domain says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is this key's.
    Yes,
    /// It is not, or the domain has nothing to say of addresses.
    No,
    /// The domain cannot be asked at this time.
    Unknown,
}

impl Answer {
    /// A word for metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Asks domains.
pub(super) trait Ask: Send + Sync + 'static {
    /// Whether the domain says that the address is this key's; within a time of its own.
    fn ask<'a>(&'a self, address: &'a Address, key: &'a PublicKey) -> BoxFuture<'a, Answer>;
}

/// What of a profile is looked at.
#[derive(Deserialize)]
struct Profile {
    nip05: String,
}

impl Address {
    /// Reads an address: letters, digits and `-_.` before the `@` (NIP-05), a domain name behind it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, domain) = text.trim().split_once('@')?;
        let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
        let plain = |symbol: u8| symbol.is_ascii_alphanumeric() || b"-_.".contains(&symbol);
        let is_name = !name.is_empty() && name.len() <= 64 && name.bytes().all(plain);
        let host = |symbol: u8| symbol.is_ascii_alphanumeric() || b"-.".contains(&symbol);
        let is_domain = domain.len() <= MAX_DOMAIN
            && domain.contains('.')
            && domain.bytes().all(host)
            && !domain.starts_with('.')
            && !domain.ends_with('.');
        (is_name && is_domain).then_some(Self { name, domain })
    }

    /// The address in the content of a profile.
    pub(super) fn in_profile(content: &[u8]) -> Option<Self> {
        let profile: Profile = serde_json::from_slice(content).ok()?;
        Self::parse(&profile.nip05)
    }
}

impl Ask for Dialer {
    fn ask<'a>(&'a self, address: &'a Address, key: &'a PublicKey) -> BoxFuture<'a, Answer> {
        Box::pin(vouches(self, address, key))
    }
}

/// Asks the domain's web server. Redirects are not followed, as NIP-05 demands.
async fn vouches(dialer: &Dialer, address: &Address, key: &PublicKey) -> Answer {
    let url = format!(
        "https://{}/.well-known/nostr.json?name={}",
        address.domain, address.name
    );
    let Ok(target) = dialer.admit(&url, Family::Web, Trust::Stranger) else {
        return Answer::No;
    };
    let request = Request::get(target)
        .within(PATIENCE)
        .at_most(MAX_ANSWER, Excess::Fail);
    match dialer.request(&request).await {
        Ok(response) => read(response.status, &response.body, &address.name, key),
        Err(error) => {
            tracing::debug!(domain = address.domain, %error, "an address could not be verified");
            // These do not pass: where the name leads may not be dialed, and what is there is no document for one name.
            let lasts = error.is_permanent() || matches!(error, HttpError::TooLarge(_));
            if lasts { Answer::No } else { Answer::Unknown }
        }
    }
}

/// What an answer of the web server means.
fn read(status: StatusCode, document: &[u8], name: &str, key: &PublicKey) -> Answer {
    let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if busy || status.is_server_error() {
        return Answer::Unknown;
    }
    if status.is_success() && says(document, name, key) {
        return Answer::Yes;
    }
    Answer::No
}

/// Whether the document says that the name is this key's.
fn says(document: &[u8], name: &str, key: &PublicKey) -> bool {
    let document: Option<Value> = serde_json::from_slice(document).ok();
    let named = document
        .as_ref()
        .and_then(|document| document.get("names")?.get(name));
    named.and_then(Value::as_str) == Some(key.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_2_addresses_are_read() {
        let read = |text| Address::parse(text).map(|address| (address.name, address.domain));
        let bob = Some(("bob".to_owned(), "example.com".to_owned()));
        assert_eq!(read("bob@example.com"), bob);
        assert_eq!(read(" Bob@Example.COM "), bob);
        assert_eq!(read("_@a.b").unwrap().0, "_");
        for wrong in [
            "",
            "bob",
            "@example.com",
            "bob@",
            "bob@localhost",
            "bob@a.b/c",
            "b ob@a.b",
            "bob@.a.b",
            "bob@a.b?x=",
            "bob&x=@a.b",
            "bob@a@b.c",
            "bob@a.b:80",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let profile = br#"{"name":"b","nip05":"bob@example.com"}"#;
        assert!(Address::in_profile(profile).is_some());
        assert!(Address::in_profile(br#"{"nip05":7}"#).is_none());
        assert!(Address::in_profile(b"not json").is_none());
    }

    #[test]
    fn r4_2_what_a_domain_says_is_read() {
        let key = PublicKey([0xab; 32]);
        let document = format!(r#"{{"names":{{"bob":"{key}"}},"relays":{{}}}}"#);
        assert!(says(document.as_bytes(), "bob", &key));
        assert!(!says(document.as_bytes(), "alice", &key));
        assert!(!says(document.as_bytes(), "bob", &PublicKey([1; 32])));
        assert!(!says(b"<html>", "bob", &key));
        assert!(!says(br#"{"names":[]}"#, "bob", &key));
    }

    #[test]
    fn r4_2_a_server_in_trouble_has_said_nothing() {
        let key = PublicKey([0xab; 32]);
        let document = format!(r#"{{"names":{{"bob":"{key}"}}}}"#);
        let said = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            read(status, document.as_bytes(), "bob", &key)
        };
        assert_eq!(said(200), Answer::Yes);
        for status in [301, 302, 307, 308, 403, 404, 410] {
            assert_eq!(said(status), Answer::No, "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(said(status), Answer::Unknown, "{status}");
        }
        assert_eq!(read(StatusCode::OK, b"<html>", "bob", &key), Answer::No);
    }
}
