//! What is asked, and how much of an answer is wanted.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};

use super::body::Outgoing;
use crate::dial::{Dialer, Target};

/// What becomes of a body that is larger than wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Excess {
    /// The request fails: half a document is of no use.
    #[default]
    Fail,
    /// The beginning is kept.
    Cut,
}

/// A request to an admitted target.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) target: Target,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) time: Option<Duration>,
    pub(super) max_bytes: Option<usize>,
    pub(super) excess: Excess,
}

/// How we call ourselves unless the request says otherwise.
const OWN_NAME: &str = concat!("stentor/", env!("CARGO_PKG_VERSION"));

impl Request {
    /// `GET`.
    #[must_use]
    pub fn get(target: Target) -> Self {
        Self::new(Method::GET, target)
    }

    /// `POST` with a body.
    #[must_use]
    pub fn post(target: Target, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, target).body(body)
    }

    /// Any method, without a body: `OPTIONS`, `HEAD`.
    #[must_use]
    pub fn new(method: Method, target: Target) -> Self {
        Self {
            target,
            method,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            time: None,
            max_bytes: None,
            excess: Excess::Fail,
        }
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Headers to send. Those that make the message what it is (`Host`, `Connection`, `Content-Length`, `Transfer-Encoding`) are set
    /// here and cannot be changed.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// How long the whole exchange may take, instead of the configured `request_seconds`.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// How many bytes of body are wanted, instead of the configured `response_bytes`, and what becomes of more.
    #[must_use]
    pub const fn at_most(mut self, bytes: usize, excess: Excess) -> Self {
        self.max_bytes = Some(bytes);
        self.excess = excess;
        self
    }

    /// The limits that hold: time, bytes.
    pub(super) fn limits(&self, dialer: &Dialer) -> (Duration, usize) {
        let time = self.time.unwrap_or_else(|| dialer.request_time());
        let bytes = self.max_bytes.unwrap_or_else(|| dialer.response_bytes());
        (time, bytes)
    }

    /// The message.
    pub(super) fn message(&self, body: Outgoing) -> Result<http::Request<Outgoing>, http::Error> {
        let mut message = http::Request::builder()
            .method(&self.method)
            .uri(self.target.path_and_query())
            .body(body)?;
        let mut headers = self.headers.clone();
        for own in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(own);
        }
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(OWN_NAME));
        headers.insert(HOST, self.target.authority().try_into()?);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        *message.headers_mut() = headers;
        Ok(message)
    }
}
