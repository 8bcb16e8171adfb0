//! What was counted of each event, so that it can be taken back.
//!
//! A row of `observatory_counted` is for 1,024 event numbers. The first byte is the format's version, `1`; then for each number from
//! the first on, as varints: 0 when nothing is counted of it, else the kind + 1, the day as a difference from the one
//! before, the bytes, and the author's number (0: none). Some eight bytes an event.

use std::collections::{BTreeMap, BTreeSet};

use stentor_sql::{Error, Transaction};

use crate::clock::{read, stored};
use crate::provenance::varint;
use crate::table::{for_rows, rows};

const VERSION: u8 = 1;
const BITS: u32 = 10;
const NUMBERS: usize = 1 << BITS;

/// What was counted of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// Its kind.
    pub kind: u16,
    /// Its day.
    pub day: i64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of its author; 0 when authors of its kind are not counted.
    pub author: u64,
}

type Notes = Vec<Option<Counted>>;

fn encode(notes: &Notes) -> Vec<u8> {
    let mut out = vec![VERSION];
    let mut before = 0;
    for note in notes {
        let Some(note) = note else {
            out.push(0);
            continue;
        };
        varint::put(&mut out, u64::from(note.kind) + 1);
        varint::put_signed(&mut out, note.day - before);
        varint::put(&mut out, note.bytes);
        varint::put(&mut out, note.author);
        before = note.day;
    }
    out
}

fn decode(bytes: &[u8]) -> Option<Notes> {
    let (&VERSION, mut rest) = bytes.split_first()? else {
        return None;
    };
    let (mut notes, mut before) = (Vec::with_capacity(NUMBERS), 0_i64);
    while !rest.is_empty() {
        notes.push(match varint::take(&mut rest)? {
            0 => None,
            kind => {
                before = before.checked_add(varint::take_signed(&mut rest)?)?;
                Some(Counted {
                    kind: u16::try_from(kind - 1).ok()?,
                    day: before,
                    bytes: varint::take(&mut rest)?,
                    author: varint::take(&mut rest)?,
                })
            }
        });
    }
    (notes.len() <= NUMBERS).then_some(notes)
}

/// The rows of some event numbers.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: BTreeMap<u64, Notes>,
    changed: BTreeSet<u64>,
}

impl Ledger {
    /// Reads those in which these numbers are.
    pub fn read(
        tx: &mut Transaction<'_>,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<Self, Error> {
        let parts = numbers.into_iter().map(|number| number >> BITS);
        let parts: BTreeSet<u64> = parts.collect();
        let found: Vec<(i64, Vec<u8>)> = tx.fetch_all(
            for_rows!(
                "SELECT part, notes FROM observatory_counted WHERE part IN (SELECT CAST(value ->> 0 AS BIGINT)",
                ")"
            ),
            (rows(parts.into_iter().map(|part| [stored(part)])),),
        )?;
        let mut ledger = Self::default();
        for (part, bytes) in found {
            let notes = decode(&bytes).ok_or_else(|| Error::Column {
                column: "notes".to_owned(),
                wanted: "the format that this program writes",
                found: "other bytes".into(),
            })?;
            ledger.rows.insert(read(part), notes);
        }
        Ok(ledger)
    }

    /// Notes what was counted of an event; `None` takes it out. Returns what stood there.
    pub fn set(&mut self, number: u64, note: Option<Counted>) -> Option<Counted> {
        let (part, place) = (number >> BITS, number as usize & (NUMBERS - 1));
        let notes = self.rows.entry(part).or_default();
        if notes.len() <= place {
            note?;
            notes.resize(place + 1, None);
        }
        let known = notes.get_mut(place)?;
        let before = std::mem::replace(known, note);
        if before != note {
            self.changed.insert(part);
        }
        before
    }

    /// Writes the rows that changed.
    pub fn write(&self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        for part in &self.changed {
            let Some(notes) = self.rows.get(part) else {
                continue;
            };
            tx.execute(
                "INSERT INTO observatory_counted (part, notes) VALUES (?, ?)
                 ON CONFLICT (part) DO UPDATE SET notes = excluded.notes",
                (stored(*part), encode(notes)),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn o4_1_notes_come_back(notes in prop::collection::vec(prop::option::of(
            (any::<u16>(), -1_i64..40_000, 0_u64..1 << 40, any::<u64>())
                .prop_map(|(kind, day, bytes, author)| Counted { kind, day, bytes, author })), 0..100)) {
            prop_assert_eq!(decode(&encode(&notes)), Some(notes));
        }

        #[test]
        fn o4_1_bytes_that_are_no_notes_do_not_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
