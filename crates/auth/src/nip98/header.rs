//! From the header's value to the event in it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use stentor_event::Event;

use super::HttpAuthError;

/// The longest value of an `Authorization` header that is looked at, in bytes: an event of some 6 KB. A token for a plain URL
/// has less than 1 KB.
pub const MAX_HEADER_BYTES: usize = 8_192;

/// The scheme of NIP-98; compared without regard to case (RFC 9110, 11.1).
const SCHEME: &[u8] = b"Nostr";

/// The standard alphabet, with `=` at the end or without, as clients write both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The event in an `Authorization` header; nothing of it is checked but its form.
pub(super) fn event(value: &[u8]) -> Result<Event, HttpAuthError> {
    if value.len() > MAX_HEADER_BYTES {
        return Err(HttpAuthError::Header);
    }
    let (scheme, token) = value
        .trim_ascii()
        .split_at_checked(SCHEME.len())
        .ok_or(HttpAuthError::Header)?;
    let spaced = token.first().is_some_and(u8::is_ascii_whitespace);
    if !spaced || !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(HttpAuthError::Header);
    }
    let json = BASE64
        .decode(token.trim_ascii_start())
        .map_err(|_| HttpAuthError::Header)?;
    Event::parse(&json).map_err(|_| HttpAuthError::Event)
}
