//! Where a page of a list goes on: the sorting key and the number of the last row before it, as an opaque text.
//!
//! The text is base64url of: a version, the list and its order, the values. A place of another list or order is refused, as it would skip
//! rows or show them twice.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stentor_sql::Value;
use thiserror::Error;

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;
/// Bytes of a text, at most: as many as a relay's URL has.
const LONGEST: usize = 2_048;
/// Characters of a place.
const LONGEST_TEXT: usize = 4_096;

/// A value of a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// An integer.
    Integer(i64),
    /// A number with a fraction, bit by bit.
    Real(f64),
    /// A text.
    Text(String),
    /// An id.
    Id([u8; 32]),
}

/// A place in a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// Which list, and in which order.
    pub list: String,
    /// The values of the row before it.
    pub parts: Vec<Part>,
}

/// Not a place of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum PlaceError {
    /// Not a place.
    #[error("not a cursor that this node has given")]
    Garbage,
    /// Of a version that is not known.
    #[error("a cursor of another version: begin again without it")]
    Version,
    /// Of another list or order.
    #[error("a cursor of another list or order: begin again without it")]
    Other,
}

impl Place {
    /// The text for whoever goes on.
    pub fn text(&self) -> String {
        let mut bytes = vec![VERSION];
        put(&mut bytes, self.list.as_bytes());
        for part in &self.parts {
            match part {
                Part::Integer(value) => {
                    bytes.push(b'i');
                    bytes.extend(value.to_be_bytes());
                }
                Part::Real(value) => {
                    bytes.push(b'r');
                    bytes.extend(value.to_bits().to_be_bytes());
                }
                Part::Text(value) => {
                    bytes.push(b't');
                    put(&mut bytes, value.as_bytes());
                }
                Part::Id(id) => {
                    bytes.push(b'x');
                    bytes.extend(id);
                }
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a text, which must be of this list and have these kinds of values (letters, as they are written).
    pub fn read(text: &str, list: &str, kinds: &[u8]) -> Result<Vec<Part>, PlaceError> {
        if text.len() > LONGEST_TEXT {
            return Err(PlaceError::Garbage);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| PlaceError::Garbage)?;
        let (version, mut rest) = bytes.split_first().ok_or(PlaceError::Garbage)?;
        if *version != VERSION {
            return Err(PlaceError::Version);
        }
        if get(&mut rest).ok_or(PlaceError::Garbage)? != list.as_bytes() {
            return Err(PlaceError::Other);
        }
        let parts: Option<Vec<Part>> = kinds.iter().map(|kind| part(&mut rest, *kind)).collect();
        match parts {
            Some(parts) if rest.is_empty() => Ok(parts),
            _ => Err(PlaceError::Garbage),
        }
    }
}

impl From<Part> for Value {
    fn from(part: Part) -> Self {
        match part {
            Part::Integer(value) => value.into(),
            Part::Real(value) => value.into(),
            Part::Text(value) => value.into(),
            Part::Id(id) => id.into(),
        }
    }
}

fn part(rest: &mut &[u8], kind: u8) -> Option<Part> {
    let (found, after) = rest.split_first()?;
    if *found != kind {
        return None;
    }
    *rest = after;
    match kind {
        b'i' => Some(Part::Integer(i64::from_be_bytes(fixed(rest)?))),
        b'r' => {
            let value = f64::from_bits(u64::from_be_bytes(fixed(rest)?));
            value.is_finite().then_some(Part::Real(value))
        }
        b't' => {
            let text = String::from_utf8(get(rest)?.to_vec()).ok()?;
            // PostgreSQL takes no NUL.
            (!text.contains('\0')).then_some(Part::Text(text))
        }
        b'x' => Some(Part::Id(fixed(rest)?)),
        _ => None,
    }
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (value, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*value)
}

/// Writes bytes with their number before them.
fn put(bytes: &mut Vec<u8>, value: &[u8]) {
    let value = value.get(..LONGEST).unwrap_or(value);
    let length = u16::try_from(value.len()).unwrap_or(0);
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
}

fn get<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(u16::from_be_bytes(fixed(rest)?));
    let (value, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part = prop_oneof![
            any::<i64>().prop_map(Part::Integer),
            prop::num::f64::NORMAL.prop_map(Part::Real),
            "[^\\x00]{0,60}".prop_map(Part::Text),
            any::<[u8; 32]>().prop_map(Part::Id),
        ];
        prop::collection::vec(part, 0..4)
    }

    fn kinds(parts: &[Part]) -> Vec<u8> {
        let kind = |part: &Part| match part {
            Part::Integer(_) => b'i',
            Part::Real(_) => b'r',
            Part::Text(_) => b't',
            Part::Id(_) => b'x',
        };
        parts.iter().map(kind).collect()
    }

    /// What is done to a cursor's text, or to the bytes in it.
    #[derive(Debug, Clone)]
    enum Change {
        Character(Index, char),
        Bit(Index, u8),
        Byte(Index, u8),
        Cut(Index),
        Longer(Vec<u8>),
        Text(Index, String),
    }

    fn change() -> impl Strategy<Value = Change> {
        let character = prop::char::range('!', '~');
        prop_oneof![
            (any::<Index>(), character).prop_map(|(at, c)| Change::Character(at, c)),
            (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Change::Bit(at, bit)),
            (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
            any::<Index>().prop_map(Change::Cut),
            prop::collection::vec(any::<u8>(), 1..4).prop_map(Change::Longer),
            (any::<Index>(), "[A-Za-z0-9_=-]{1,4}").prop_map(|(at, more)| Change::Text(at, more)),
        ]
    }

    fn changed(text: &str, change: &Change) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        match change {
            Change::Character(at, c) => chars[at.index(text.len())] = *c,
            Change::Text(at, more) => {
                let at = at.index(text.len() + 1);
                chars.splice(at..at, more.chars());
            }
            Change::Bit(at, bit) => bytes[at.index(text.len() * 3 / 4)] ^= 1 << bit,
            Change::Byte(at, byte) => bytes[at.index(text.len() * 3 / 4)] = *byte,
            Change::Cut(at) => bytes.truncate(at.index(text.len() * 3 / 4)),
            Change::Longer(more) => bytes.extend(more),
        }
        match change {
            Change::Character(..) | Change::Text(..) => chars.into_iter().collect(),
            _ => URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    #[test]
    fn o4_2_a_text_that_only_means_the_same_is_no_cursor() {
        let parts = vec![Part::Integer(7)];
        let place = Place {
            list: "l".to_owned(),
            parts,
        };
        let text = place.text();
        let bits = text.strip_suffix('w').map(|start| format!("{start}x"));
        for other in [format!("{text}="), format!(" {text}"), bits.unwrap()] {
            assert_eq!(
                Place::read(&other, "l", b"i"),
                Err(PlaceError::Garbage),
                "{other}"
            );
        }
    }

    proptest! {
        #[test]
        fn o4_2_a_cursor_survives_its_text(list in "[a-z:-]{1,20}", parts in parts()) {
            let place = Place { list: list.clone(), parts: parts.clone() };
            let text = place.text();
            prop_assert_eq!(Place::read(&text, &list, &kinds(&parts)), Ok(parts.clone()));
            prop_assert_eq!(Place::read(&text, "other list", &kinds(&parts)), Err(PlaceError::Other));
        }

        #[test]
        fn o4_2_what_passes_for_a_cursor_is_written_the_same(parts in parts(), change in change()) {
            let kinds = kinds(&parts);
            let place = |parts| Place { list: "relays:url".to_owned(), parts };
            let text = changed(&place(parts).text(), &change);
            if let Ok(parts) = Place::read(&text, "relays:url", &kinds) {
                prop_assert_eq!(place(parts).text(), text);
            }
        }

        #[test]
        fn o4_2_a_cut_or_longer_cursor_is_refused(number in any::<i64>(), cut in 1_usize..12) {
            let place = Place { list: "l".to_owned(), parts: vec![Part::Integer(number)] };
            let text = place.text();
            let short = text.get(..text.len() - cut).unwrap();
            prop_assert!(Place::read(short, "l", b"i").is_err());
            let long = format!("{text}AAAA");
            prop_assert!(Place::read(&long, "l", b"i").is_err());
        }
    }

    #[test]
    fn o4_2_a_cursor_of_another_version_is_told_so() {
        let text = URL_SAFE_NO_PAD.encode([2, 0, 0]);
        assert_eq!(Place::read(&text, "", b""), Err(PlaceError::Version));
    }
}
