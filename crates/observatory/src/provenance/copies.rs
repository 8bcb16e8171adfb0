//! How many relays hold each event, and which, while it is one (O3.3).
//!
//! Kept for 2,048 event numbers in a row of `observatory_copies`. The first byte is the format's version, `1`; then a varint for each number
//! from the first on: 0 nobody, 1 the event has left the archive, 2 one relay (its number follows), n + 1 for n relays. What comes
//! after the last that is not 0 is left out.

use super::varint;

const VERSION: u8 = 1;
/// Numbers in a row, as a power of two: few enough that to rewrite them costs microseconds.
pub(super) const BITS: u32 = 11;
const NUMBERS: usize = 1 << BITS;

/// Who holds an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Copies {
    /// Nobody that we know.
    #[default]
    None,
    /// This relay alone.
    One(i64),
    /// So many.
    Many(u32),
    /// The event has left the archive. It stays so: numbers are not used again.
    Gone,
}

/// The copies of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    copies: Vec<Copies>,
    /// Whether it has to be written.
    pub changed: bool,
}

impl Row {
    /// The row of these bytes; `None` when they are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&VERSION, mut rest) = bytes.split_first()? else {
            return None;
        };
        let mut copies = Vec::with_capacity(NUMBERS);
        while !rest.is_empty() {
            copies.push(match varint::take(&mut rest)? {
                0 => Copies::None,
                1 => Copies::Gone,
                2 => Copies::One(i64::try_from(varint::take(&mut rest)?).ok()?),
                more => Copies::Many(u32::try_from(more - 1).ok()?),
            });
        }
        (copies.len() <= NUMBERS).then_some(Self {
            copies,
            changed: false,
        })
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 2 * self.copies.len());
        out.push(VERSION);
        for copies in &self.copies {
            match copies {
                Copies::None => out.push(0),
                Copies::Gone => out.push(1),
                Copies::One(relay) => {
                    out.push(2);
                    varint::put(&mut out, relay.unsigned_abs());
                }
                Copies::Many(count) => varint::put(&mut out, u64::from(*count) + 1),
            }
        }
        out
    }

    /// Who holds the event of this number.
    pub fn get(&self, number: u64) -> Copies {
        self.copies.get(place(number)).copied().unwrap_or_default()
    }

    /// Says who does.
    pub fn set(&mut self, number: u64, copies: Copies) {
        let place = place(number);
        if self.copies.len() <= place {
            self.copies.resize(place + 1, Copies::None);
        }
        if let Some(known) = self.copies.get_mut(place) {
            *known = copies;
            self.changed = true;
        }
    }
}

fn place(number: u64) -> usize {
    (number & (NUMBERS as u64 - 1)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn copies() -> impl Strategy<Value = Copies> {
        prop_oneof![
            Just(Copies::None),
            Just(Copies::Gone),
            (0..i64::MAX).prop_map(Copies::One),
            (2..u32::MAX).prop_map(Copies::Many),
        ]
    }

    proptest! {
        #[test]
        fn o3_3_copies_come_back(changes in proptest::collection::vec((0_u64..4_096, copies()), 0..200)) {
            let mut row = Row::default();
            for (number, copies) in &changes {
                row.set(*number, *copies);
            }
            let again = Row::decode(&row.encode()).unwrap();
            for number in 0..2_048 {
                prop_assert_eq!(again.get(number), row.get(number));
                prop_assert_eq!(again.get(number), again.get(number + 2_048));
            }
        }

        #[test]
        fn o3_3_bytes_that_are_no_copies_do_not_panic(bytes: Vec<u8>) {
            let _ = Row::decode(&bytes);
        }
    }
}
