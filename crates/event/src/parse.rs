//! Strict parsing of an event (R1.1): canonical bytes are recognised in one pass and copied once, any other spelling is read
//! field by field and rewritten.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::canonical::{CONTENT, CREATED_AT, END, ID, KIND, PUBKEY, Parts, SIG, Shape, TAGS};
use crate::error::{EventError, SyntaxError};
use crate::hex;
use crate::keys::{EventId, PublicKey};
use crate::scan::Scanner;

/// How many fields that events do not have are looked at before giving up.
const MAX_UNKNOWN_FIELDS: usize = 64;

/// An event that was read from a longer text.
pub(crate) struct Parsed {
    pub(crate) json: Bytes,
    pub(crate) shape: Shape,
    pub(crate) keys: (EventId, PublicKey),
    pub(crate) tag_count: usize,
}

/// Reads one event at the scanner's position.
pub(crate) fn event(scanner: &mut Scanner<'_>) -> Result<Parsed, EventError> {
    scanner.whitespace();
    let mut ahead = scanner.clone();
    if let Some(parsed) = canonical(&mut ahead) {
        *scanner = ahead;
        return Ok(parsed);
    }
    general(scanner)
}

/// The pass for canonical bytes. `None` says only that the other pass must look.
#[inline]
fn canonical(scanner: &mut Scanner<'_>) -> Option<Parsed> {
    let start = scanner.position();
    let id = hex::decode_array(fixed(scanner, ID, 64)?)?;
    let pubkey = hex::decode_array(fixed(scanner, PUBKEY, 64)?)?;
    fixed(scanner, CREATED_AT, 0)?;
    let created_at = bare_unsigned(scanner, i64::MAX as u64)?;
    fixed(scanner, KIND, 0)?;
    let kind = u16::try_from(bare_unsigned(scanner, u16::MAX.into())?).ok()?;
    fixed(scanner, TAGS, 0)?;
    let tags_start = scanner.position() - start;
    let tags = tags(scanner).ok()?;
    if tags.spaced {
        return None;
    }
    let tags_end = scanner.position() - start;
    fixed(scanner, CONTENT, 0)?;
    if scanner.peek() != Some(b'"') {
        return None;
    }
    scanner.string().ok()?;
    hex::decode_array::<64>(fixed(scanner, SIG, 128)?)?;
    fixed(scanner, END, 0)?;
    Some(Parsed {
        json: Bytes::copy_from_slice(scanner.since(start)),
        shape: Shape::new(created_at, kind, tags_start, tags_end)?,
        keys: (EventId(id), PublicKey(pubkey)),
        tag_count: tags.count,
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
fn bare_unsigned(scanner: &mut Scanner<'_>, max: u64) -> Option<u64> {
    scanner
        .peek()?
        .is_ascii_digit()
        .then(|| scanner.unsigned(max).ok())?
}

/// A `tags` array as it was received.
struct RawTags<'a> {
    text: &'a [u8],
    count: usize,
    /// Whether there is white space between its tokens.
    spaced: bool,
}

/// Reads an array of non-empty arrays of strings.
#[inline]
fn tags<'a>(scanner: &mut Scanner<'a>) -> Result<RawTags<'a>, SyntaxError> {
    scanner.whitespace();
    let start = scanner.position();
    let (mut count, mut spaced) = (0, false);
    scanner.expect_token(b'[')?;
    if !closes(scanner, &mut spaced, b']') {
        loop {
            tag(scanner, &mut spaced)?;
            count += 1;
            if closes(scanner, &mut spaced, b']') {
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

#[inline]
fn tag(scanner: &mut Scanner<'_>, spaced: &mut bool) -> Result<(), SyntaxError> {
    scanner.expect_token(b'[')?;
    loop {
        note_space(scanner, spaced);
        scanner.string()?;
        if closes(scanner, spaced, b']') {
            return Ok(());
        }
        scanner.expect_token(b',')?;
    }
}

#[inline]
fn closes(scanner: &mut Scanner<'_>, spaced: &mut bool, close: u8) -> bool {
    note_space(scanner, spaced);
    scanner.accept(close)
}

#[inline]
fn note_space(scanner: &mut Scanner<'_>, spaced: &mut bool) {
    let before = scanner.position();
    scanner.whitespace();
    *spaced |= scanner.position() > before;
}

/// The fields seen so far.
#[derive(Default)]
struct Fields<'a> {
    id: Option<&'a [u8]>,
    pubkey: Option<&'a [u8]>,
    created_at: Option<(u64, &'a [u8])>,
    kind: Option<(u16, &'a [u8])>,
    tags: Option<RawTags<'a>>,
    content: Option<&'a [u8]>,
    sig: Option<&'a [u8]>,
    unknown: SmallVec<[Cow<'a, [u8]>; 4]>,
}

/// The pass for everything else.
fn general(scanner: &mut Scanner<'_>) -> Result<Parsed, EventError> {
    if scanner.peek().is_some_and(|byte| byte != b'{') {
        return Err(EventError::NotAnObject);
    }
    let mut fields = Fields::default();
    scanner.expect_token(b'{')?;
    if !scanner.accept_token(b'}') {
        loop {
            fields.read(scanner)?;
            if !scanner.accept_token(b',') {
                scanner.expect_token(b'}')?;
                break;
            }
        }
    }
    fields.finish()
}

/// Stores the value of a field that was not seen before.
fn once<T>(field: &mut Option<T>, name: &str, value: T) -> Result<(), EventError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(EventError::DuplicateField(name.to_owned())),
    }
}

impl<'a> Fields<'a> {
    /// Reads one key and its value.
    fn read(&mut self, scanner: &mut Scanner<'a>) -> Result<(), EventError> {
        let key = scanner.string()?.unescape();
        scanner.expect_token(b':')?;
        match &*key {
            b"id" => once(&mut self.id, "id", hex_field(scanner, "id", 64)?),
            b"pubkey" => once(
                &mut self.pubkey,
                "pubkey",
                hex_field(scanner, "pubkey", 64)?,
            ),
            b"sig" => once(&mut self.sig, "sig", hex_field(scanner, "sig", 128)?),
            b"created_at" => once(
                &mut self.created_at,
                "created_at",
                number(scanner, i64::MAX as u64, EventError::CreatedAt)?,
            ),
            b"kind" => {
                let (kind, text) = number(scanner, u16::MAX.into(), EventError::Kind)?;
                once(
                    &mut self.kind,
                    "kind",
                    (u16::try_from(kind).map_err(|_| EventError::Kind)?, text),
                )
            }
            b"tags" => once(
                &mut self.tags,
                "tags",
                typed(scanner, EventError::Tags, tags)?,
            ),
            b"content" => {
                let content = typed(scanner, EventError::Content, Scanner::string)?;
                once(&mut self.content, "content", content.raw())
            }
            _ => self.unknown(key, scanner),
        }
    }

    /// Skips a field that events do not have, after making sure that it is there only once.
    fn unknown(&mut self, key: Cow<'a, [u8]>, scanner: &mut Scanner<'a>) -> Result<(), EventError> {
        if self.unknown.contains(&key) {
            return Err(EventError::DuplicateField(
                String::from_utf8_lossy(&key).into_owned(),
            ));
        }
        if self.unknown.len() == MAX_UNKNOWN_FIELDS {
            return Err(EventError::TooManyFields);
        }
        self.unknown.push(key);
        scanner.value()?;
        Ok(())
    }

    fn finish(self) -> Result<Parsed, EventError> {
        let missing = EventError::MissingField;
        let (created_at, created_at_text) = self.created_at.ok_or(missing("created_at"))?;
        let (kind, kind_text) = self.kind.ok_or(missing("kind"))?;
        let tags = self.tags.ok_or(missing("tags"))?;
        let compact = if tags.spaced {
            Cow::Owned(without_space(tags.text))
        } else {
            Cow::Borrowed(tags.text)
        };
        let parts = Parts {
            id: self.id.ok_or(missing("id"))?,
            pubkey: self.pubkey.ok_or(missing("pubkey"))?,
            created_at: created_at_text,
            kind: kind_text,
            tags: &compact,
            content: self.content.ok_or(missing("content"))?,
            sig: self.sig.ok_or(missing("sig"))?,
        };
        let (json, tags_start) = parts.write();
        let shape = Shape::new(created_at, kind, tags_start, tags_start + compact.len());
        Ok(Parsed {
            keys: (
                EventId(hex::decode_trusted(parts.id)),
                PublicKey(hex::decode_trusted(parts.pubkey)),
            ),
            shape: shape.ok_or(EventError::TooLarge(u32::MAX as usize))?,
            json: Bytes::from(json),
            tag_count: tags.count,
        })
    }
}

/// Reads a value of one type: any other well-formed value is `wrong`, anything else a syntax error.
fn typed<'a, T>(
    scanner: &mut Scanner<'a>,
    wrong: EventError,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, SyntaxError>,
) -> Result<T, EventError> {
    let mut ahead = scanner.clone();
    match read(&mut ahead) {
        Ok(value) => {
            *scanner = ahead;
            Ok(value)
        }
        Err(_) => {
            scanner.value()?;
            Err(wrong)
        }
    }
}

fn number<'a>(
    scanner: &mut Scanner<'a>,
    max: u64,
    wrong: EventError,
) -> Result<(u64, &'a [u8]), EventError> {
    scanner.whitespace();
    let start = scanner.position();
    let value = typed(scanner, wrong, |scanner| scanner.unsigned(max))?;
    Ok((value, scanner.since(start)))
}

fn hex_field<'a>(
    scanner: &mut Scanner<'a>,
    name: &'static str,
    digits: usize,
) -> Result<&'a [u8], EventError> {
    let wrong = || EventError::Hex(name, digits);
    let text = typed(scanner, wrong(), Scanner::string)?.raw();
    let valid = match digits {
        128 => hex::decode_array::<64>(text).is_some(),
        _ => hex::decode_array::<32>(text).is_some(),
    };
    if valid { Ok(text) } else { Err(wrong()) }
}

/// The tags without white space between tokens. They were read before, so every string is well-formed.
fn without_space(tags: &[u8]) -> Vec<u8> {
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
