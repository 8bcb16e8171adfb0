//! Where a reader has got to (G1.4): a position in each log, and what tells whether they are still the same logs.
//!
//! A position means something in one log only. So a cursor also says which installation it is from (the epoch), and has a
//! mark of the entry at each position: when a store or the records are put back to an earlier backup and go on from there,
//! the positions come again with other entries, and the marks differ.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::Log;

/// The form of the text.
const VERSION: u8 = 1;
/// Bytes of a cursor before they are written as text.
const BYTES: usize = 33;

/// A position in a log, with the mark of the entry there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// The position; entries behind it are to come. 0: the beginning.
    pub seq: u64,
    /// The mark of the entry at the position; 0 at the beginning.
    pub mark: u32,
}

/// Where a reader has got to. Its text is opaque: it is for giving back, not for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which installation it is from.
    pub epoch: u64,
    /// In the change feed of the store.
    pub nostr: Place,
    /// In the outbox of the records.
    pub records: Place,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor that this server has given out")]
pub struct NoCursor;

impl Cursor {
    /// The place in a log.
    pub const fn place(&self, log: Log) -> Place {
        match log {
            Log::Nostr => self.nostr,
            Log::Records => self.records,
        }
    }

    /// The same, with another place in a log.
    #[must_use]
    pub const fn with(mut self, log: Log, place: Place) -> Self {
        match log {
            Log::Nostr => self.nostr = place,
            Log::Records => self.records = place,
        }
        self
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(self.epoch.to_be_bytes());
        for place in [self.nostr, self.records] {
            bytes.extend(place.seq.to_be_bytes());
            bytes.extend(place.mark.to_be_bytes());
        }
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        // No longer text needs to be decoded to see that it is none.
        let fits = text.len() == BYTES.div_ceil(3) * 4;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.filter(|_| fits).ok_or(NoCursor)?;
        let (version, rest) = bytes.split_first().ok_or(NoCursor)?;
        let (epoch, rest) = rest.split_first_chunk().ok_or(NoCursor)?;
        let (nostr, rest) = place(rest).ok_or(NoCursor)?;
        let (records, rest) = place(rest).ok_or(NoCursor)?;
        if *version != VERSION || !rest.is_empty() {
            return Err(NoCursor);
        }
        Ok(Self {
            epoch: u64::from_be_bytes(*epoch),
            nostr,
            records,
        })
    }
}

fn place(bytes: &[u8]) -> Option<(Place, &[u8])> {
    let (seq, rest) = bytes.split_first_chunk()?;
    let (mark, rest) = rest.split_first_chunk()?;
    let place = Place {
        seq: u64::from_be_bytes(*seq),
        mark: u32::from_be_bytes(*mark),
    };
    Some((place, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places() -> impl Strategy<Value = Place> {
        (any::<u64>(), any::<u32>()).prop_map(|(seq, mark)| Place { seq, mark })
    }

    proptest! {
        #[test]
        fn g1_4_a_cursor_is_read_as_it_was_written(epoch: u64, nostr in places(), records in places()) {
            let cursor = Cursor { epoch, nostr, records };
            let text = cursor.to_string();
            prop_assert_eq!(text.len(), 44);
            prop_assert_eq!(text.parse(), Ok(cursor));
        }

        #[test]
        fn g1_4_no_other_text_is_taken_for_a_cursor(text in ".{0,60}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn g1_4_a_cursor_of_another_form_is_refused() {
        let cursor = Cursor {
            epoch: 1,
            nostr: Place::default(),
            records: Place::default(),
        };
        let text = cursor.to_string();
        assert_eq!(format!("C{}", &text[1..]).parse::<Cursor>(), Err(NoCursor));
        assert_eq!(text[..43].parse::<Cursor>(), Err(NoCursor));
        assert_eq!(format!("{text}AAAA").parse::<Cursor>(), Err(NoCursor));
    }
}
