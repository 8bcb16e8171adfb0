//! The pass over bytes that are canonical already. It accepts nothing that the other pass would not.

use std::borrow::Cow;

use super::Parsed;
use crate::canonical::{CONTENT, CREATED_AT, END, ID, KIND, PUBKEY, SIG, Shape, TAGS};
use crate::hex;
use crate::keys::{EventId, PublicKey};
use crate::scan::Scanner;

/// Reads an event. `None` says only that the other pass must look.
#[inline]
pub(super) fn event<'a>(scanner: &mut Scanner<'a>) -> Option<Parsed<'a>> {
    let start = scanner.position();
    let id = hex::decode_array(fixed(scanner, ID, 64)?)?;
    let pubkey = hex::decode_array(fixed(scanner, PUBKEY, 64)?)?;
    fixed(scanner, CREATED_AT, 0)?;
    let created_at = unsigned(scanner, i64::MAX as u64)?;
    fixed(scanner, KIND, 0)?;
    let kind = u16::try_from(unsigned(scanner, u16::MAX.into())?).ok()?;
    fixed(scanner, TAGS, 0)?;
    let tags_start = scanner.position() - start;
    let tag_count = tags(scanner)?;
    let tags_end = scanner.position() - start;
    fixed(scanner, CONTENT, 0)?;
    string(scanner)?;
    hex::decode_array::<64>(fixed(scanner, SIG, 128)?)?;
    fixed(scanner, END, 0)?;
    Some(Parsed {
        json: Cow::Borrowed(scanner.since(start)),
        shape: Shape::new(created_at, kind, tags_start, tags_end)?,
        keys: (EventId(id), PublicKey(pubkey)),
        tag_count,
    })
}

/// Reads `prefix` and the `length` bytes after it.
#[inline]
fn fixed<'a>(scanner: &mut Scanner<'a>, prefix: &[u8], length: usize) -> Option<&'a [u8]> {
    let bytes = scanner.rest().strip_prefix(prefix)?.get(..length)?;
    scanner.skip(prefix.len() + length);
    Some(bytes)
}

#[inline]
fn unsigned(scanner: &mut Scanner<'_>, max: u64) -> Option<u64> {
    if scanner.peek()?.is_ascii_digit() {
        scanner.unsigned(max).ok()
    } else {
        None
    }
}

/// Reads a string without white space before it.
#[inline]
fn string(scanner: &mut Scanner<'_>) -> Option<()> {
    if !scanner.accept(b'"') {
        return None;
    }
    scanner.string_rest().ok().map(drop)
}

/// Reads the tags without white space between tokens and counts them.
#[inline]
fn tags(scanner: &mut Scanner<'_>) -> Option<usize> {
    if !scanner.accept(b'[') {
        return None;
    }
    if scanner.accept(b']') {
        return Some(0);
    }
    let mut count = 0;
    loop {
        if !scanner.accept(b'[') {
            return None;
        }
        string(scanner)?;
        while scanner.accept(b',') {
            string(scanner)?;
        }
        count += 1;
        match scanner.take2()? {
            [b']', b','] => {}
            [b']', b']'] => return Some(count),
            _ => return None,
        }
    }
}
