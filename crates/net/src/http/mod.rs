//! A small HTTP/1.1 client over the dialer: one request, one answer, one connection (G5).
//!
//! Redirects are not followed: an answer of 3xx is an answer. Cookies, compression, proxies of the environment and reuse of connections
//! do not exist. Webhooks, NIP-05, NIP-11 and the storage of exports need no more.

mod body;
mod error;
mod exchange;
mod request;

pub use error::HttpError;
pub use exchange::Response;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use request::{Excess, Request};
