//! The opening handshake (RFC 6455, section 4.2), on parsed HTTP headers.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use sha1::{Digest, Sha1};
use thiserror::Error;

use super::deflate::Agreement;
use crate::problem::Problem;

/// Appended to the key before hashing (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What is wrong with a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// `Upgrade: websocket` is missing: answered 426.
    #[error("this is a WebSocket endpoint: the Upgrade header does not name websocket")]
    Upgrade,
    /// Not a GET of HTTP/1.1.
    #[error("a WebSocket handshake is a GET request of HTTP/1.1")]
    Method,
    /// `Connection: Upgrade` is missing.
    #[error("the Connection header does not name Upgrade")]
    Connection,
    /// A version other than 13: answered 426 with the version that is spoken.
    #[error("only version 13 of the WebSocket protocol is spoken")]
    Version,
    /// The key is missing, doubled, or not 16 bytes in base64.
    #[error("Sec-WebSocket-Key is missing or malformed")]
    Key,
}

impl IntoResponse for HandshakeError {
    fn into_response(self) -> Response {
        let upgrade_required = matches!(self, Self::Upgrade | Self::Version);
        let status = if upgrade_required {
            StatusCode::UPGRADE_REQUIRED
        } else {
            StatusCode::BAD_REQUEST
        };
        let mut response = Problem::new(status)
            .with_detail(self.to_string())
            .into_response();
        if upgrade_required {
            let headers = response.headers_mut();
            headers.insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            );
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        response
    }
}

/// A handshake that may be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    accept: String,
    /// What was agreed on for compression.
    pub deflate: Option<Agreement>,
}

/// Whether a request asks for an upgrade to WebSocket at all.
#[must_use]
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, &header::UPGRADE, "websocket")
}

impl Handshake {
    /// Checks a request for which [`is_upgrade`] is true. `deflate` is whether compression is offered here.
    ///
    /// # Errors
    /// [`HandshakeError`].
    pub fn check(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        deflate: bool,
    ) -> Result<Self, HandshakeError> {
        if method != Method::GET || version != Version::HTTP_11 {
            return Err(HandshakeError::Method);
        }
        if !has_token(headers, &header::CONNECTION, "upgrade") {
            return Err(HandshakeError::Connection);
        }
        if single(headers, &header::SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(HandshakeError::Version);
        }
        let key = single(headers, &header::SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?;
        if !matches!(STANDARD.decode(key), Ok(nonce) if nonce.len() == 16) {
            return Err(HandshakeError::Key);
        }
        let offers = headers
            .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let deflate = if deflate {
            Agreement::negotiate(offers)
        } else {
            None
        };
        Ok(Self {
            accept: accept_key(key),
            deflate,
        })
    }

    /// The 101 answer's headers.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(Ok(answer)) = self
            .deflate
            .map(|agreement| HeaderValue::from_str(&agreement.answer()))
        {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, answer);
        }
    }
}

fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn check(headers: &HeaderMap) -> Result<Handshake, HandshakeError> {
        Handshake::check(&Method::GET, Version::HTTP_11, headers, true)
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert!(check(&headers(&GOOD)).is_ok());
    }

    #[test]
    fn refusals() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = headers(&GOOD);
            headers.insert(name, HeaderValue::from_static(value));
            headers
        };
        assert_eq!(
            check(&with("sec-websocket-version", "8")),
            Err(HandshakeError::Version)
        );
        assert_eq!(
            check(&with("sec-websocket-key", "c2hvcnQ=")),
            Err(HandshakeError::Key)
        );
        assert_eq!(
            check(&with("connection", "close")),
            Err(HandshakeError::Connection)
        );
        assert!(!is_upgrade(&with("upgrade", "h2c")));
        let post = Handshake::check(&Method::POST, Version::HTTP_11, &headers(&GOOD), true);
        assert_eq!(post, Err(HandshakeError::Method));
        assert_eq!(
            HandshakeError::Version.into_response().status(),
            StatusCode::UPGRADE_REQUIRED
        );
    }
}
