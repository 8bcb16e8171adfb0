//! Strict parsing of filters.

use super::sort::sort_keys;
use super::{Filter, FilterError, FilterLimits, TagFilter};
use crate::error::SyntaxError;
use crate::hex;
use crate::keys::{EventId, PublicKey};
use crate::kind::Kind;
use crate::scan::Scanner;
use crate::text::brief;
use crate::timestamp::Timestamp;

const MAX_TIME: u64 = i64::MAX as u64;

impl Filter {
    /// Parses a filter object without limits on its lists.
    ///
    /// # Errors
    /// What is wrong with it, or which field is not supported.
    pub fn parse(json: &[u8]) -> Result<Self, FilterError> {
        Self::parse_within(json, &FilterLimits::NONE)
    }

    /// As [`Filter::parse`], with limits on the lists.
    ///
    /// # Errors
    /// As [`Filter::parse`], and [`FilterError::TooMany`].
    pub fn parse_within(json: &[u8], limits: &FilterLimits) -> Result<Self, FilterError> {
        let mut scanner = Scanner::checked(json)?;
        let filter = Self::read(&mut scanner, limits)?;
        scanner.end()?;
        Ok(filter)
    }

    /// Reads a filter from a longer text.
    pub(crate) fn read(
        scanner: &mut Scanner<'_>,
        limits: &FilterLimits,
    ) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        scanner.expect_token(b'{')?;
        if scanner.accept_token(b'}') {
            return Ok(filter);
        }
        loop {
            filter.read_field(scanner, limits)?;
            if !scanner.accept_token(b',') {
                scanner.expect_token(b'}')?;
                return Ok(filter);
            }
        }
    }

    fn read_field(
        &mut self,
        scanner: &mut Scanner<'_>,
        limits: &FilterLimits,
    ) -> Result<(), FilterError> {
        let key = scanner.string()?.unescape();
        scanner.expect_token(b':')?;
        match &*key {
            b"ids" => {
                let mut ids = key_list(scanner, "ids", limits.max_ids, EventId)?;
                sort_keys(&mut ids, |id| id.0[0]);
                once(&mut self.ids, "ids", ids)
            }
            b"authors" => {
                let mut authors = key_list(scanner, "authors", limits.max_authors, PublicKey)?;
                sort_keys(&mut authors, |author| author.0[0]);
                once(&mut self.authors, "authors", authors)
            }
            b"kinds" => once(&mut self.kinds, "kinds", kinds(scanner, limits.max_kinds)?),
            b"since" => once(
                &mut self.since,
                "since",
                Timestamp(number(scanner, "since", MAX_TIME)?),
            ),
            b"until" => once(
                &mut self.until,
                "until",
                Timestamp(number(scanner, "until", MAX_TIME)?),
            ),
            b"limit" => once(
                &mut self.limit,
                "limit",
                number(scanner, "limit", u64::MAX)?,
            ),
            b"search" => {
                let search = typed(scanner, "search", "a string", Scanner::string)?;
                let search = search.to_text().into_owned();
                fits(search.len(), "search", limits.max_search_bytes)?;
                once(&mut self.search, "search", search)
            }
            [b'#', letter] if letter.is_ascii_alphabetic() => {
                self.read_tag(scanner, *letter, limits)
            }
            _ => Err(FilterError::UnsupportedField(brief(&key))),
        }
    }

    fn read_tag(
        &mut self,
        scanner: &mut Scanner<'_>,
        letter: u8,
        limits: &FilterLimits,
    ) -> Result<(), FilterError> {
        let name = [b'#', letter];
        let field = std::str::from_utf8(&name).unwrap_or_default();
        if self.tags.iter().any(|tag| tag.letter == letter) {
            return Err(FilterError::DuplicateField(field.to_owned()));
        }
        let (mut values, mut longest): (Vec<Box<[u8]>>, usize) = (Vec::new(), 0);
        let max = limits.max_tag_values;
        list(scanner, field, "a list of strings", max, |scanner| {
            let value: Box<[u8]> = scanner.string()?.unescape().into();
            longest = longest.max(value.len());
            values.push(value);
            Ok(())
        })?;
        fits(longest, field, limits.max_value_bytes)?;
        self.tags.push(TagFilter::new(letter, values));
        Ok(())
    }
}

/// Refuses a value with more than `max` bytes (0: any number).
fn fits(bytes: usize, field: &str, max: usize) -> Result<(), FilterError> {
    if max > 0 && bytes > max {
        return Err(FilterError::TooLong {
            field: field.to_owned(),
            max,
        });
    }
    Ok(())
}

fn once<T>(field: &mut Option<T>, name: &str, value: T) -> Result<(), FilterError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(FilterError::DuplicateField(name.to_owned())),
    }
}

/// Reads a value of one type: any other well-formed value is the fault of the field, anything else a syntax error.
fn typed<'a, T>(
    scanner: &mut Scanner<'a>,
    field: &str,
    expected: &'static str,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, SyntaxError>,
) -> Result<T, FilterError> {
    let mut ahead = scanner.clone();
    if let Ok(value) = read(&mut ahead) {
        *scanner = ahead;
        return Ok(value);
    }
    scanner.value()?;
    Err(FilterError::Field {
        field: field.to_owned(),
        expected,
    })
}

fn number(scanner: &mut Scanner<'_>, field: &str, max: u64) -> Result<u64, FilterError> {
    typed(
        scanner,
        field,
        "a non-negative integer in range",
        |scanner| scanner.unsigned(max),
    )
}

/// Reads a list of at most `max` items (0: any number).
fn list<'a>(
    scanner: &mut Scanner<'a>,
    field: &str,
    expected: &'static str,
    max: usize,
    mut item: impl FnMut(&mut Scanner<'a>) -> Result<(), SyntaxError>,
) -> Result<(), FilterError> {
    let count = typed(scanner, field, expected, |scanner| {
        scanner.expect_token(b'[')?;
        let mut count = 0_usize;
        if scanner.accept_token(b']') {
            return Ok(count);
        }
        loop {
            count += 1;
            if max > 0 && count > max {
                return Ok(count);
            }
            item(scanner)?;
            if !scanner.accept_token(b',') {
                scanner.expect_token(b']')?;
                return Ok(count);
            }
        }
    })?;
    if max > 0 && count > max {
        Err(FilterError::TooMany {
            field: field.to_owned(),
            max,
        })
    } else {
        Ok(())
    }
}

/// Reads a list of ids or keys; strings that are none are dropped.
fn key_list<T>(
    scanner: &mut Scanner<'_>,
    field: &str,
    max: usize,
    wrap: impl Fn([u8; 32]) -> T,
) -> Result<Vec<T>, FilterError> {
    let mut keys = Vec::new();
    list(scanner, field, "a list of strings", max, |scanner| {
        let key = match plain_key(scanner) {
            Some(key) => Some(key),
            None => hex::decode_array(&scanner.string()?.unescape()),
        };
        keys.extend(key.map(&wrap));
        Ok(())
    })?;
    Ok(keys)
}

/// Reads a string of 64 hex digits right here, the usual case; reads nothing when there is none.
#[inline]
fn plain_key(scanner: &mut Scanner<'_>) -> Option<[u8; 32]> {
    let digits = scanner
        .rest()
        .strip_prefix(b"\"")?
        .get(..65)?
        .strip_suffix(b"\"")?;
    let key = hex::decode_array(digits)?;
    scanner.skip(66);
    Some(key)
}

fn kinds(scanner: &mut Scanner<'_>, max: usize) -> Result<Vec<Kind>, FilterError> {
    let mut kinds = Vec::new();
    list(
        scanner,
        "kinds",
        "a list of integers from 0 to 65535",
        max,
        |scanner| {
            let kind = scanner.unsigned(u16::MAX.into())?;
            kinds.extend(u16::try_from(kind).map(Kind));
            Ok(())
        },
    )?;
    kinds.sort_unstable();
    kinds.dedup();
    kinds.shrink_to_fit();
    Ok(kinds)
}
