//! NIP-98: a signed event in the `Authorization` header says who makes an HTTP request (R3.3).
//!
//! [`check`] is pure. A token that it lets pass must then be used up by a [`ReplayGuard`], else whoever saw the header could
//! send it again while it lives. The order matters: first [`check`], then whether the key may do this at all, and the guard
//! last, so that strangers with valid signatures take no room in it.

mod error;
mod header;
mod replay;
#[cfg(test)]
mod tests;
mod url;

pub use error::{Blame, HttpAuthError};
pub use header::MAX_HEADER_BYTES;
pub use replay::{BoxFuture, ReplayGuard};

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use stentor_event::{Event, EventId, Kind, PublicKey, Timestamp, hexadecimal};

use crate::Place;

/// How far the `created_at` of a token may be from now, in either direction, in seconds (NIP-98 suggests 60).
pub const TOKEN_SKEW_SECONDS: u64 = 60;

/// What an HTTP request asks for, as the server knows it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method: `GET`, `POST`, …
    pub method: &'a str,
    /// What is asked for.
    pub target: Target<'a>,
    /// Where the request has arrived.
    pub place: Place<'a>,
    /// The whole body, empty when there is none.
    pub body: &'a [u8],
    /// Whether the token has to name the hash of the body.
    pub payload: Payload,
}

/// What a token has to name in its `u` tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// The relay itself (NIP-86). Its URL counts as `ws` and as `http`, or as `wss` and as `https`.
    Relay,
    /// What stands at this path, with its query, as in the request line: `/api/v1/streams?limit=10`. The `u` tag is an `http` or
    /// `https` URL with exactly these.
    Resource(&'a str),
}

/// Whether a token has to name the hash of the body. One that it names is checked in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// It has to (NIP-86), also for an empty body.
    Required,
    /// It may (NIP-98).
    Optional,
}

/// A token that was right for its request. Not yet used up: that is for a [`ReplayGuard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    id: EventId,
    key: PublicKey,
    created_at: Timestamp,
}

impl Token {
    /// What tells it from all other tokens: the id of its event.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// The key that made it.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// When it was made, by the clock of its maker.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The last second in which [`check`] lets it pass: how long a [`ReplayGuard`] has to remember it.
    pub const fn expires_at(&self) -> Timestamp {
        Timestamp(self.created_at.0.saturating_add(TOKEN_SKEW_SECONDS))
    }
}

/// Checks the value of an `Authorization` header against the request that came with it: what is cheap first, the signature
/// last.
///
/// # Errors
/// The first thing found wrong, fit to be told to the client.
pub fn check(
    authorization: &[u8],
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Token, HttpAuthError> {
    let event = header::event(authorization)?;
    if event.kind() != Kind::HTTP_AUTH {
        return Err(HttpAuthError::Kind);
    }
    let created_at = event.created_at();
    if created_at.0.abs_diff(now.0) > TOKEN_SKEW_SECONDS {
        return Err(HttpAuthError::Time);
    }
    check_request(&event, request)?;
    event.check_id().map_err(|_| HttpAuthError::Id)?;
    event
        .verify_signature()
        .map_err(|_| HttpAuthError::Signature)?;
    Ok(Token {
        id: event.id(),
        key: event.pubkey(),
        created_at,
    })
}

/// Who has signed the token in an `Authorization` header that [`check`] has refused, whatever else is wrong with it: for a
/// record of the attempt. It need not be the signer who has sent it. `None`: there is no token of NIP-98, or nobody has
/// signed it.
pub fn signer(authorization: &[u8]) -> Option<PublicKey> {
    let event = header::event(authorization).ok()?;
    let signed = event.kind() == Kind::HTTP_AUTH
        && event.check_id().is_ok()
        && event.verify_signature().is_ok();
    signed.then(|| event.pubkey())
}

/// Whether the tags are those of this request.
fn check_request(event: &Event, request: &Request<'_>) -> Result<(), HttpAuthError> {
    let url = one(event, b"u")?.ok_or(HttpAuthError::Url)?;
    if !str::from_utf8(&url).is_ok_and(|url| url::names(url, request.target, &request.place)) {
        return Err(HttpAuthError::Url);
    }
    // Methods are upper case, but libraries in wide use sign what the application wrote.
    let method = one(event, b"method")?.ok_or(HttpAuthError::Method)?;
    if !method.eq_ignore_ascii_case(request.method.as_bytes()) {
        return Err(HttpAuthError::Method);
    }
    match one(event, b"payload")? {
        None if request.payload == Payload::Required => Err(HttpAuthError::NoPayload),
        None => Ok(()),
        Some(hash) => {
            let body: [u8; 32] = Sha256::digest(request.body).into();
            if hexadecimal::decode_array(&hash) == Some(body) {
                Ok(())
            } else {
                Err(HttpAuthError::Payload)
            }
        }
    }
}

/// The value of the tag of this name. There may be one: several would make a token good for several requests.
fn one<'a>(event: &'a Event, name: &'static [u8]) -> Result<Option<Cow<'a, [u8]>>, HttpAuthError> {
    let mut tags = event
        .view()
        .tags()
        .filter(|tag| tag.name().is(name))
        .map(|tag| tag.get(1).map(|value| value.unescape()).unwrap_or_default());
    let value = tags.next();
    if tags.next().is_some() {
        return Err(HttpAuthError::Tags);
    }
    Ok(value)
}
