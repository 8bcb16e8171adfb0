//! The pass over events in any other spelling: fields in any order, white space, fields that events do not have.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::Parsed;
use super::tags::{RawTags, tags, without_space};
use crate::canonical::{Parts, Shape};
use crate::error::{EventError, SyntaxError};
use crate::hex;
use crate::keys::{EventId, PublicKey};
use crate::scan::Scanner;
use crate::text::brief;

/// How many fields that events do not have are looked at before giving up.
const MAX_UNKNOWN_FIELDS: usize = 64;

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

/// Reads an event.
pub(super) fn event<'a>(scanner: &mut Scanner<'a>) -> Result<Parsed<'a>, EventError> {
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
            return Err(EventError::DuplicateField(brief(&key)));
        }
        if self.unknown.len() == MAX_UNKNOWN_FIELDS {
            return Err(EventError::TooManyFields);
        }
        self.unknown.push(key);
        scanner.value()?;
        Ok(())
    }

    fn finish(self) -> Result<Parsed<'a>, EventError> {
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
            json: Cow::Owned(json),
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
