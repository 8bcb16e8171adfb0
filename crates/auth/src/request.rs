//! What is read of a request to know who is asking.

use std::net::IpAddr;

use http::{HeaderMap, header};

use crate::failure::Category;
use crate::nip98::{MAX_HEADER_BYTES, Payload, Request, Target};
use crate::{AuthFailure, Place};

/// The beginning of an HTTP request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method: `GET`, `POST`, …
    pub method: &'a str,
    /// Path and query, as in the request line.
    pub path_and_query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Where it has arrived.
    pub place: Place<'a>,
    /// The whole body; empty when there is none, and for a stream.
    pub body: &'a [u8],
    /// From where it has come, for the audit.
    pub client: IpAddr,
}

/// What is in an `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    /// `Bearer` and a token (RFC 6750).
    Bearer(&'a str),
    /// `Nostr` and an event (NIP-98): the whole value.
    Nostr(&'a [u8]),
}

impl<'a> RequestHead<'a> {
    /// What was shown.
    pub(crate) fn shown(&self) -> Result<Shown<'a>, AuthFailure> {
        let malformed = AuthFailure::invalid(Category::Malformed);
        let mut values = self.headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or(AuthFailure::Missing)?.as_bytes();
        // With several, who stands in between may see another one than we do.
        if values.next().is_some() || value.len() > MAX_HEADER_BYTES {
            return Err(malformed);
        }
        let value = value.trim_ascii();
        let space = value
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(value.len());
        let (scheme, rest) = value.split_at_checked(space).unwrap_or((value, &[]));
        if scheme.eq_ignore_ascii_case(b"Nostr") {
            return Ok(Shown::Nostr(value));
        }
        let token = str::from_utf8(rest.trim_ascii()).ok();
        let token =
            token.filter(|token| !token.is_empty() && scheme.eq_ignore_ascii_case(b"Bearer"));
        token.map(Shown::Bearer).ok_or(malformed)
    }

    /// As NIP-98 sees it. A body has to be named by the token, else the token would be good for any.
    pub(crate) fn nip98(&self) -> Request<'a> {
        let payload = if self.body.is_empty() {
            Payload::Optional
        } else {
            Payload::Required
        };
        Request {
            method: self.method,
            target: Target::Resource(self.path_and_query),
            place: self.place,
            body: self.body,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn shown(values: &[&[u8]]) -> Result<String, AuthFailure> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                header::AUTHORIZATION,
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        let place = Place {
            public_urls: &[],
            local: None,
        };
        let head = RequestHead {
            method: "GET",
            path_and_query: "/",
            headers: &headers,
            place,
            body: &[],
            client: IpAddr::from([127, 0, 0, 1]),
        };
        head.shown().map(|shown| format!("{shown:?}"))
    }

    #[test]
    fn g2_1_schemes_are_read_in_any_case() {
        assert_eq!(shown(&[]), Err(AuthFailure::Missing));
        for bearer in [&b"Bearer abc"[..], b"bearer   abc ", b"BEARER abc"] {
            assert_eq!(shown(&[bearer]).unwrap(), "Bearer(\"abc\")");
        }
        assert!(shown(&[b"nostr e30"]).unwrap().starts_with("Nostr"));
    }

    #[test]
    fn g2_1_what_is_neither_is_malformed() {
        let malformed = Err(AuthFailure::invalid(Category::Malformed));
        for value in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Basic YTpi",
            b"abc",
            b"Bearer \xff",
        ] {
            assert_eq!(shown(&[value]), malformed, "{value:?}");
        }
        assert_eq!(shown(&[b"Bearer a", b"Bearer b"]), malformed);
        assert_eq!(
            shown(&[format!("Bearer {}", "a".repeat(8_192)).as_bytes()]),
            malformed
        );
    }

    proptest! {
        #[test]
        fn g2_1_any_header_is_read_or_refused(value in "[\\x20-\\x7e]{0,60}") {
            let _ = shown(&[value.as_bytes()]);
        }
    }
}
