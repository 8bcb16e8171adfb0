//! Strict parsing of an event (R1.1): canonical bytes are recognised in one pass and not copied, any other spelling is read
//! field by field and rewritten.

mod exact;
mod fields;
mod tags;

use std::borrow::Cow;

use crate::canonical::Shape;
use crate::error::EventError;
use crate::keys::{EventId, PublicKey};
use crate::scan::Scanner;

pub(crate) use tags::mentions;

/// An event that was read from a longer text.
pub(crate) struct Parsed<'a> {
    pub(crate) json: Cow<'a, [u8]>,
    pub(crate) shape: Shape,
    pub(crate) keys: (EventId, PublicKey),
    pub(crate) tag_count: usize,
}

/// Reads one event at the scanner's position.
pub(crate) fn event<'a>(scanner: &mut Scanner<'a>) -> Result<Parsed<'a>, EventError> {
    scanner.whitespace();
    let mut ahead = scanner.clone();
    if let Some(parsed) = exact::event(&mut ahead) {
        *scanner = ahead;
        return Ok(parsed);
    }
    fields::event(scanner)
}

/// The id of an event that is not valid, so that the refusal can name it: the first `id` that can be read before the text
/// stops making sense.
pub(crate) fn salvage_id(text: &[u8]) -> Option<EventId> {
    let mut scanner = Scanner::new(text);
    scanner.expect_token(b'{').ok()?;
    loop {
        let key = scanner.string().ok()?;
        scanner.expect_token(b':').ok()?;
        let value = scanner.value().ok()?;
        if key.is(b"id") {
            return EventId::from_hex(value.strip_prefix(b"\"")?.strip_suffix(b"\"")?);
        }
        scanner.expect_token(b',').ok()?;
    }
}

#[cfg(test)]
mod tests;
