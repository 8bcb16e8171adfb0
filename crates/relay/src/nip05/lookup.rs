//! Asking a domain whose an address is.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use stentor_event::PublicKey;
use stentor_net::dial::{Dialer, Family, Trust};
use stentor_net::http::{Excess, Request};

/// Most bytes of a server's answer.
const MAX_ANSWER: usize = 256 * 1024;
/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest domain name (RFC 1035).
const MAX_DOMAIN: usize = 253;

/// An address, `name@domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) name: String,
    /// In lower case.
    pub(crate) domain: String,
}

/// What of a profile is looked at.
#[derive(Deserialize)]
struct Profile {
    nip05: String,
}

impl Address {
    /// Reads an address: letters, digits and `-_.` before the `@` (NIP-05), a domain name behind it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
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

/// Whether the domain says that the address is this key's. Redirects are not followed, as NIP-05 demands.
pub(super) async fn vouches(dialer: &Dialer, address: &Address, key: &PublicKey) -> bool {
    let url = format!(
        "https://{}/.well-known/nostr.json?name={}",
        address.domain, address.name
    );
    let Ok(target) = dialer.admit(&url, Family::Web, Trust::Stranger) else {
        return false;
    };
    let request = Request::get(target)
        .within(PATIENCE)
        .at_most(MAX_ANSWER, Excess::Fail);
    match dialer.request(&request).await {
        Ok(response) => response.status.is_success() && says(&response.body, &address.name, key),
        Err(error) => {
            tracing::debug!(domain = address.domain, %error, "an address could not be verified");
            false
        }
    }
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
}
