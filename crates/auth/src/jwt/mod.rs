//! Signed tokens (JWT, RFC 7519): our own issuer's, and those of issuers elsewhere.
//!
//! RS256, ES256 and EdDSA; what a key is decides which, and what the header says must agree. A token names its issuer and, if that has
//! several keys, its key. It must have an end, and be for us.

mod foreign;
mod key;
mod own;
mod provider;
mod signing_key;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use foreign::Foreign;
pub(crate) use own::Own;
pub use own::{Issued, OwnError};
pub(crate) use verify::{Peek, has_form};
