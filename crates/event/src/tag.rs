//! The tags of an event, read from its canonical bytes without allocating.

use std::borrow::Cow;

use memchr::memchr;

use crate::scan::closing_quote;
use crate::text::JsonStr;

/// The tags of an event in order.
#[derive(Clone, Debug)]
pub struct Tags<'a> {
    /// What follows: `["e","…"],["p","…"]]`, beginning with the bracket of the next tag.
    rest: &'a [u8],
}

impl<'a> Tags<'a> {
    /// From the text of the `tags` array, its brackets included.
    #[inline]
    pub(crate) fn new(array: &'a [u8]) -> Self {
        Self {
            rest: array.get(1..).unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    #[inline]
    fn next(&mut self) -> Option<Tag<'a>> {
        let text = self.rest.strip_prefix(b"[")?;
        let mut at = 1;
        loop {
            at = closing_quote(text, at)? + 1;
            match text.get(at)? {
                b',' => at += 2,
                _ => break,
            }
        }
        let (inside, rest) = text.split_at_checked(at)?;
        self.rest = rest.get(2..).unwrap_or_default();
        Some(Tag { inside })
    }
}

/// One tag: a name and its values.
#[derive(Clone, Copy)]
pub struct Tag<'a> {
    /// The tokens with commas between them, without the brackets.
    inside: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag's text as it stands in the event, without the brackets: `"e","…"`.
    pub const fn raw(self) -> &'a [u8] {
        self.inside
    }

    /// The first string.
    #[inline]
    pub fn name(self) -> JsonStr<'a> {
        self.get(0).unwrap_or(JsonStr::new(b""))
    }

    /// The string at `index`, the name being at 0.
    #[inline]
    pub fn get(self, index: usize) -> Option<JsonStr<'a>> {
        self.iter().nth(index)
    }

    /// The first string after the name, the only one that is indexed.
    #[inline]
    pub fn value(self) -> Option<JsonStr<'a>> {
        self.get(1)
    }

    /// All strings, the name included.
    #[inline]
    pub fn iter(self) -> TagValues<'a> {
        TagValues { rest: self.inside }
    }

    /// The letter, when the name is one English letter of either case.
    #[inline]
    pub fn letter(self) -> Option<u8> {
        let letter = match self.inside {
            [b'"', letter, b'"', ..] => *letter,
            [b'"', b'\\', ..] => match *self.name().unescape() {
                [letter] => letter,
                _ => return None,
            },
            _ => return None,
        };
        letter.is_ascii_alphabetic().then_some(letter)
    }

    /// Letter and first value of a tag that filters can ask for (NIP-01). A tag without a value has none.
    #[inline]
    pub fn single_letter(self) -> Option<(u8, Cow<'a, [u8]>)> {
        let letter = self.letter()?;
        Some((letter, self.value()?.unescape()))
    }
}

impl std::fmt::Debug for Tag<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Tag<'a> {
    type Item = JsonStr<'a>;
    type IntoIter = TagValues<'a>;

    fn into_iter(self) -> TagValues<'a> {
        self.iter()
    }
}

/// The strings of a tag in order.
#[derive(Clone, Debug)]
pub struct TagValues<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for TagValues<'a> {
    type Item = JsonStr<'a>;

    #[inline]
    fn next(&mut self) -> Option<JsonStr<'a>> {
        let end = closing_quote(self.rest, 1)?;
        let string = self.rest.get(1..end)?;
        self.rest = self.rest.get(end + 2..).unwrap_or_default();
        Some(JsonStr::new(string))
    }
}

/// Letter and first value of each tag whose name is one English letter and that has a value (NIP-01).
#[derive(Clone, Debug)]
pub struct IndexedTags<'a> {
    rest: &'a [u8],
}

impl<'a> IndexedTags<'a> {
    /// From the text of the `tags` array.
    #[inline]
    pub(crate) const fn new(array: &'a [u8]) -> Self {
        Self { rest: array }
    }

    /// The value of the next tag with this letter.
    #[inline]
    pub fn next_of(&mut self, letter: u8) -> Option<JsonStr<'a>> {
        self.next_where(|found| found == letter)
            .map(|(_, value)| value)
    }

    #[inline]
    fn next_where(&mut self, wanted: impl Fn(u8) -> bool) -> Option<(u8, JsonStr<'a>)> {
        loop {
            let bracket = memchr(b'[', self.rest)?;
            let text = self.rest.get(bracket + 1..)?;
            self.rest = text;
            if let Some((letter, start)) = letter_and_start(text)
                && wanted(letter)
            {
                let value = text.get(start..closing_quote(text, start)?)?;
                return Some((letter, JsonStr::new(value)));
            }
        }
    }
}

/// The letter of a tag that begins at `text`, behind its bracket, and where the inside of its value begins.
///
/// A bracket inside of a string gives nothing: a quote that follows one without a backslash either opens the first string of a tag, or
/// closes the string, and then neither a letter nor a backslash follows.
#[inline]
fn letter_and_start(text: &[u8]) -> Option<(u8, usize)> {
    let (letter, start) = match text {
        [b'"', letter, b'"', b',', b'"', ..] => (*letter, 5),
        [b'"', b'\\', ..] => escaped_letter(text)?,
        _ => return None,
    };
    letter.is_ascii_alphabetic().then_some((letter, start))
}

/// A name of one letter that is spelled as an escape, and where the inside of the value begins.
#[cold]
fn escaped_letter(text: &[u8]) -> Option<(u8, usize)> {
    let end = closing_quote(text, 1)?;
    match *JsonStr::new(text.get(1..end)?).unescape() {
        [letter] if text.get(end..end + 3)? == b"\",\"" => Some((letter, end + 3)),
        _ => None,
    }
}

impl<'a> Iterator for IndexedTags<'a> {
    type Item = (u8, JsonStr<'a>);

    #[inline]
    fn next(&mut self) -> Option<(u8, JsonStr<'a>)> {
        self.next_where(|_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(array: &str) -> Vec<Vec<String>> {
        Tags::new(array.as_bytes())
            .map(|tag| {
                tag.iter()
                    .map(|string| string.to_text().into_owned())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn tags_are_read_in_order() {
        assert_eq!(texts("[]"), Vec::<Vec<String>>::new());
        assert_eq!(texts(r#"[["a"]]"#), [["a"]]);
        assert_eq!(
            texts(r#"[["","]"],["],[","\"]"],["\\"]]"#),
            vec![vec!["", "]"], vec!["],[", "\"]"], vec!["\\"]]
        );
        let tag = Tags::new(br#"[["e","1","2"]]"#).next().unwrap();
        assert_eq!(tag.raw(), br#""e","1","2""#);
        assert!(
            tag.name() == "e"
                && tag.get(2).is_some_and(|value| value == "2")
                && tag.get(3).is_none()
        );
        assert_eq!(tag.into_iter().count(), 3);
        assert_eq!(format!("{tag:?}"), r#"["e", "1", "2"]"#);
    }

    #[test]
    fn r1_6_only_single_letters_with_a_value_are_indexed() {
        let array = r#"[["e","1","x"],["E",""],["ee","2"],["p"],["1","3"],["é","4"],["\u0074","5"],["\u0074\u0074","6"],["\u0070"],["-","7"],["q","[\"r\",\"no"],["a[","b","c"],["[","\"x\",\""],["z","\n"]]"#;
        let expected = [
            (b'e', "1"),
            (b'E', ""),
            (b't', "5"),
            (b'q', "[\"r\",\"no"),
            (b'z', "\n"),
        ];
        let slow: Vec<(u8, String)> = Tags::new(array.as_bytes())
            .filter_map(|tag| tag.single_letter())
            .map(|(letter, value)| (letter, String::from_utf8(value.into_owned()).unwrap()))
            .collect();
        let fast: Vec<(u8, String)> = IndexedTags::new(array.as_bytes())
            .map(|(letter, value)| (letter, value.to_text().into_owned()))
            .collect();
        assert_eq!(
            slow,
            expected.map(|(letter, value)| (letter, value.to_owned()))
        );
        assert_eq!(fast, slow);
    }
}
