//! A strict, zero-copy JSON scanner. It never allocates, never recurses deeper than its bound, and accepts nothing that RFC 8259
//! does not; lone surrogates are refused as well (R1.1). The text is UTF-8: whoever makes a scanner has checked that.

use crate::error::SyntaxError;
use crate::simd::find_special;
use crate::text::{JsonStr, hex_unit};

/// How deep values that are skipped may be nested.
const MAX_DEPTH: usize = 64;

type Result<T> = std::result::Result<T, SyntaxError>;

/// A position in a JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of text that is known to be UTF-8.
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Starts at the beginning of `text` after checking that it is UTF-8.
    pub(crate) fn checked(text: &'a [u8]) -> Result<Self> {
        match simdutf8::basic::from_utf8(text) {
            Ok(_) => Ok(Self::new(text)),
            Err(_) => Err(SyntaxError::Utf8),
        }
    }

    #[inline]
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// What is not read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text from `start` to here.
    #[inline]
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Goes `count` bytes on, which must have been looked at.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.at = self.text.len().min(self.at + count);
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The error for what stands here.
    pub(crate) fn unexpected(&self) -> SyntaxError {
        if self.at < self.text.len() {
            SyntaxError::Unexpected(self.at)
        } else {
            SyntaxError::End
        }
    }

    #[inline]
    pub(crate) fn whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads `byte` if it comes next.
    #[inline]
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Reads the next two bytes.
    #[inline]
    pub(crate) fn take2(&mut self) -> Option<[u8; 2]> {
        let bytes = *self.rest().first_chunk()?;
        self.at += 2;
        Some(bytes)
    }

    /// Reads `byte` after optional white space if it comes next.
    #[inline]
    pub(crate) fn accept_token(&mut self, byte: u8) -> bool {
        self.whitespace();
        self.accept(byte)
    }

    /// Reads `byte` after optional white space.
    #[inline]
    pub(crate) fn expect_token(&mut self, byte: u8) -> Result<()> {
        if self.accept_token(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Reads white space up to the end of the text.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.whitespace();
        if self.at < self.text.len() {
            Err(SyntaxError::Trailing(self.at))
        } else {
            Ok(())
        }
    }

    /// Reads one string token, white space before it allowed.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<JsonStr<'a>> {
        self.expect_token(b'"')?;
        self.string_rest()
    }

    /// Reads one string token of which the first quote was read.
    #[inline]
    pub(crate) fn string_rest(&mut self) -> Result<JsonStr<'a>> {
        let start = self.at;
        loop {
            self.at = find_special(self.text, self.at);
            match self.peek() {
                Some(b'"') => {
                    let raw = self.since(start);
                    self.at += 1;
                    return Ok(JsonStr::new(raw));
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(SyntaxError::ControlCharacter(self.at)),
                None => return Err(SyntaxError::End),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            Some(_) => Err(SyntaxError::Escape(self.at)),
            None => Err(SyntaxError::End),
        }
    }

    fn unicode_escape(&mut self) -> Result<()> {
        let start = self.at;
        let unit = self.unit()?;
        match unit {
            0xd800..0xdc00 => {
                if !self.rest().starts_with(b"\\u") || !(0xdc00..0xe000).contains(&self.unit()?) {
                    return Err(SyntaxError::LoneSurrogate(start));
                }
                Ok(())
            }
            0xdc00..0xe000 => Err(SyntaxError::LoneSurrogate(start)),
            _ => Ok(()),
        }
    }

    /// Reads `\uxxxx`, the first two bytes of which are known to be there.
    fn unit(&mut self) -> Result<u32> {
        let digits = self
            .text
            .get(self.at + 2..self.at + 6)
            .ok_or(SyntaxError::End)?;
        let unit = hex_unit(digits).ok_or(SyntaxError::Escape(self.at))?;
        self.at += 6;
        Ok(unit)
    }

    /// Reads an unsigned integer of at most `max` without sign, fraction, exponent or leading zeros.
    #[inline]
    pub(crate) fn unsigned(&mut self, max: u64) -> Result<u64> {
        self.whitespace();
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            let digit = u64::from(byte - b'0');
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(digit))
                .ok_or(SyntaxError::Number(start))?;
            self.at += 1;
        }
        let digits = self.since(start);
        let padded = digits.len() > 1 && digits.first() == Some(&b'0');
        if digits.is_empty() && self.peek() != Some(b'-') {
            return Err(self.unexpected());
        }
        if digits.is_empty()
            || padded
            || value > max
            || matches!(self.peek(), Some(b'.' | b'e' | b'E'))
        {
            return Err(SyntaxError::Number(start));
        }
        Ok(value)
    }

    /// Reads any value and returns its text.
    pub(crate) fn value(&mut self) -> Result<&'a [u8]> {
        self.whitespace();
        let start = self.at;
        self.skip_value(0)?;
        Ok(self.since(start))
    }

    fn skip_value(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(SyntaxError::Depth(self.at));
        }
        self.whitespace();
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.members(b'}', depth, |this| {
                this.string()?;
                this.expect_token(b':')
            }),
            Some(b'[') => self.members(b']', depth, |_| Ok(())),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => self.number(),
        }
    }

    /// Skips an array or object up to `close`; `key` reads what stands before each value.
    fn members(
        &mut self,
        close: u8,
        depth: usize,
        mut key: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.at += 1;
        if self.accept_token(close) {
            return Ok(());
        }
        loop {
            key(self)?;
            self.skip_value(depth + 1)?;
            if !self.accept_token(b',') {
                return self.expect_token(close);
            }
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<()> {
        if !self.rest().starts_with(word) {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(())
    }

    /// Skips a number of any form that JSON knows.
    fn number(&mut self) -> Result<()> {
        self.accept(b'-');
        if !self.accept(b'0') {
            self.digits()?;
        }
        if self.accept(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            Err(self.unexpected())
        } else {
            Ok(())
        }
    }
}

/// Offset of the quote that closes the string whose inside starts at `from`, in text that is known to be well-formed.
#[inline]
pub(crate) fn closing_quote(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = find_special(text, at);
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}
