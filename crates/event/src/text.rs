//! The text of JSON strings: decoding escapes only where there are any, and writing them the way NIP-01 hashes them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use memchr::memchr;

/// The inside of a JSON string token that is known to be well-formed, without its quotes, escapes as they were written.
///
/// Equality is that of the text that is meant, not of its spelling.
#[derive(Clone, Copy)]
pub struct JsonStr<'a> {
    raw: &'a [u8],
}

impl<'a> JsonStr<'a> {
    /// Wraps the bytes between the quotes.
    #[inline]
    pub(crate) const fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The bytes between the quotes as they were written.
    #[inline]
    pub const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether there is an escape in it.
    #[inline]
    pub fn is_escaped(self) -> bool {
        memchr(b'\\', self.raw).is_some()
    }

    /// Whether the text is empty.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The text in UTF-8; borrowed when nothing is escaped.
    pub fn unescape(self) -> Cow<'a, [u8]> {
        match memchr(b'\\', self.raw) {
            None => Cow::Borrowed(self.raw),
            Some(_) => {
                let mut text = Vec::with_capacity(self.raw.len());
                self.pieces(|piece| {
                    text.extend_from_slice(piece);
                    true
                });
                Cow::Owned(text)
            }
        }
    }

    /// The text as `str`. (Bytes that are not UTF-8 cannot come from a parsed event; they become replacement characters.)
    pub fn to_text(self) -> Cow<'a, str> {
        match self.unescape() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
        }
    }

    /// Whether the text is `other`, without allocating.
    #[inline]
    pub fn is(self, other: &[u8]) -> bool {
        // An escape is longer than what it means: texts of the same length are equal only when nothing is escaped.
        match self.raw.len().cmp(&other.len()) {
            Ordering::Less => return false,
            Ordering::Equal => return self.raw == other && !self.is_escaped(),
            Ordering::Greater if !self.is_escaped() => return false,
            Ordering::Greater => {}
        }
        let mut rest = Some(other);
        self.pieces(|piece| {
            rest = rest.and_then(|rest| rest.strip_prefix(piece));
            rest.is_some()
        });
        rest.is_some_and(<[u8]>::is_empty)
    }

    /// Hands over the text piece by piece until `take` returns false.
    pub(crate) fn pieces(self, mut take: impl FnMut(&[u8]) -> bool) {
        let mut rest = self.raw;
        while let Some(at) = memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(at);
            let (decoded, used) = decode_escape(escape);
            let mut buffer = [0; 4];
            if !take(plain) || !take(decoded.encode_utf8(&mut buffer).as_bytes()) {
                return;
            }
            rest = escape.get(used..).unwrap_or_default();
        }
        take(rest);
    }
}

impl PartialEq<[u8]> for JsonStr<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        self.is(other)
    }
}

impl PartialEq<str> for JsonStr<'_> {
    fn eq(&self, other: &str) -> bool {
        self.is(other.as_bytes())
    }
}

impl PartialEq<&str> for JsonStr<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.is(other.as_bytes())
    }
}

impl PartialEq<&[u8]> for JsonStr<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        self.is(other)
    }
}

impl fmt::Debug for JsonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

/// The character that the escape at the start of `text` means, and the number of bytes it takes. The escape was checked when
/// the string was parsed; from bytes that never were, whatever comes out is a character.
fn decode_escape(text: &[u8]) -> (char, usize) {
    let plain = |character| (character, 2);
    match text.get(1) {
        Some(b'n') => plain('\n'),
        Some(b'r') => plain('\r'),
        Some(b't') => plain('\t'),
        Some(b'b') => plain('\u{8}'),
        Some(b'f') => plain('\u{c}'),
        Some(b'u') => decode_unicode(text),
        Some(&other) => plain(char::from(other)),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn decode_unicode(text: &[u8]) -> (char, usize) {
    let unit = text.get(2..6).and_then(hex_unit).unwrap_or(0xfffd);
    if !(0xd800..0xdc00).contains(&unit) {
        return (
            char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
            6,
        );
    }
    let low = text.get(8..12).and_then(hex_unit).unwrap_or(0);
    let code = 0x10000 + ((unit - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
    (
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
        12,
    )
}

/// Value of the four hex digits of a `\u` escape, either case.
pub(crate) fn hex_unit(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| {
        Some(value * 16 + char::from(digit).to_digit(16)?)
    })
}

/// How control characters without an escape of their own are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// As they are: the letter of NIP-01's serialisation; not valid JSON.
    Verbatim,
    /// As `\u00xx`: what JSON libraries write.
    Escaped,
}

/// Appends `text` with NIP-01's escapes and without quotes.
pub(crate) fn escape_with(text: &[u8], control: Control, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let at = crate::simd::find_special(rest, 0);
        let (plain, special) = rest.split_at(at.min(rest.len()));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ if control == Control::Verbatim => out.push(byte),
            _ => {
                out.extend_from_slice(b"\\u00");
                crate::hex::encode_into(&[byte], out);
            }
        }
        rest = after;
    }
}

/// Appends `text` as the inside of a JSON string (without quotes): NIP-01's escapes, other control characters as `\u00xx`.
pub fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    escape_with(text, Control::Escaped, out);
}

/// Appends `text` as a JSON string with its quotes.
pub(crate) fn quote_into(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(text, out);
    out.push(b'"');
}

/// The beginning of a text that may be as long as a frame, for a message.
pub(crate) fn brief(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_1_every_escape_is_understood() {
        let string = JsonStr::new(br#"a\"\\\/\b\f\n\r\t\u0000\u00e9\u00E9\u20ac\ud83d\ude00z"#);
        let meant = "a\"\\/\u{8}\u{c}\n\r\t\0éé€😀z";
        assert_eq!(string.to_text(), meant);
        assert!(string == meant);
        assert!(string != "a");
        assert!(string != format!("{meant}!").as_str());
        assert!(JsonStr::new(b"plain") == "plain");
        assert!(matches!(
            JsonStr::new(b"plain").unescape(),
            Cow::Borrowed(b"plain")
        ));
    }

    #[test]
    fn r1_2_escaping_is_nip_01s() {
        let mut out = Vec::new();
        escape_into("a\"\\\n\r\t\u{8}\u{c}\u{1b}\0\u{7f}é".as_bytes(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a\\\"\\\\\\n\\r\\t\\b\\f\\u001b\\u0000\u{7f}é"
        );
        let mut out = Vec::new();
        escape_with(b"\x1b\n", Control::Verbatim, &mut out);
        assert_eq!(out, b"\x1b\\n");
    }
}
