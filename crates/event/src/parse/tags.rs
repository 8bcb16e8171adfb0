//! The `tags` of an event in any spelling.

use crate::error::SyntaxError;
use crate::scan::Scanner;
use crate::tag::Tags;

/// A `tags` array as it was received.
pub(super) struct RawTags<'a> {
    pub(super) text: &'a [u8],
    pub(super) count: usize,
    /// Whether there is white space between its tokens.
    pub(super) spaced: bool,
}

/// Reads an array of non-empty arrays of strings.
pub(super) fn tags<'a>(scanner: &mut Scanner<'a>) -> Result<RawTags<'a>, SyntaxError> {
    scanner.whitespace();
    let start = scanner.position();
    let (mut count, mut spaced) = (0, false);
    scanner.expect_token(b'[')?;
    if !closes(scanner, &mut spaced) {
        loop {
            tag(scanner, &mut spaced)?;
            count += 1;
            if closes(scanner, &mut spaced) {
                break;
            }
            scanner.expect_token(b',')?;
            note_space(scanner, &mut spaced);
        }
    }
    Ok(RawTags {
        text: scanner.since(start),
        count,
        spaced,
    })
}

fn tag(scanner: &mut Scanner<'_>, spaced: &mut bool) -> Result<(), SyntaxError> {
    scanner.expect_token(b'[')?;
    loop {
        note_space(scanner, spaced);
        scanner.string()?;
        if closes(scanner, spaced) {
            return Ok(());
        }
        scanner.expect_token(b',')?;
    }
}

fn closes(scanner: &mut Scanner<'_>, spaced: &mut bool) -> bool {
    note_space(scanner, spaced);
    scanner.accept(b']')
}

fn note_space(scanner: &mut Scanner<'_>, spaced: &mut bool) {
    let before = scanner.position();
    scanner.whitespace();
    *spaced |= scanner.position() > before;
}

/// Tags without white space between tokens. They were read before, so every string is well-formed.
pub(super) fn without_space(tags: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(tags.len());
    let mut scanner = Scanner::new(tags);
    while let Some(byte) = scanner.peek() {
        let start = scanner.position();
        match byte {
            b'"' if scanner.string().is_ok() => out.extend_from_slice(scanner.since(start)),
            b' ' | b'\n' | b'\r' | b'\t' => scanner.skip(1),
            _ => {
                out.push(byte);
                scanner.skip(1);
            }
        }
    }
    out
}

/// Whether `text` is an object with `tags` one of which is called `name`, as far as it can be read. What else is in it, and whether it is
/// an event, does not matter.
pub(crate) fn mentions(text: &[u8], name: &[u8]) -> bool {
    let read = |scanner: &mut Scanner<'_>| -> Result<bool, SyntaxError> {
        scanner.expect_token(b'{')?;
        loop {
            let key = scanner.string()?;
            scanner.expect_token(b':')?;
            let value = scanner.value()?;
            let is_tags = key.is(b"tags");
            if is_tags
                && tags(&mut Scanner::new(value))
                    .is_ok_and(|tags| has(&without_space(tags.text), name))
            {
                return Ok(true);
            }
            scanner.expect_token(b',')?;
        }
    };
    Scanner::checked(text)
        .and_then(|mut scanner| read(&mut scanner))
        .unwrap_or(false)
}

fn has(tags: &[u8], name: &[u8]) -> bool {
    Tags::new(tags).any(|tag| tag.name().is(name))
}
