//! First-seen times as they are worked on within one transaction: rows of 8,192 event numbers of one relay.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use stentor_sql::{Error, Transaction};

use super::chunk::{BITS, corrupt};
use super::times;
use crate::clock::stored;

/// Event numbers whose first-seen times are together, as a power of two: few enough that to rewrite them costs microseconds.
const TIMES_BITS: u32 = 13;

/// The part of a chunk that a place is in, within the chunk.
const fn part(place: u32) -> u32 {
    place >> TIMES_BITS
}

/// The places of a part.
fn places(part: u32) -> std::ops::Range<u32> {
    part << TIMES_BITS..(part + 1) << TIMES_BITS
}

/// The first-seen times of some parts of a chunk, as one relay's.
#[derive(Debug, Default)]
pub(super) struct Times(BTreeMap<u32, Vec<u64>>);

impl Times {
    /// Reads those of the parts in which these places lie; `here` is what the times are of.
    pub fn read(
        tx: &mut Transaction<'_>,
        relay: i64,
        chunk: u64,
        here: &RoaringBitmap,
        wanted: impl IntoIterator<Item = u32>,
    ) -> Result<Self, Error> {
        let parts: BTreeSet<u32> = wanted.into_iter().map(part).collect();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return Ok(Self::default());
        };
        let base = chunk << (BITS - TIMES_BITS);
        let at = |part: &u32| stored(base + u64::from(*part));
        let found: Vec<(i64, Vec<u8>)> = tx.fetch_all(
            "SELECT part, times FROM observatory_seen WHERE relay = ? AND part BETWEEN ? AND ?",
            (relay, at(first), at(last)),
        )?;
        let mut bytes: BTreeMap<i64, Vec<u8>> = found.into_iter().collect();
        let mut times = BTreeMap::new();
        for part in parts {
            let count = here.range_cardinality(places(part)) as usize;
            let known = match bytes.remove(&at(&part)) {
                None if count == 0 => Vec::new(),
                None => return Err(corrupt("times")),
                Some(bytes) => times::decode(&bytes, count).ok_or_else(|| corrupt("times"))?,
            };
            times.insert(part, known);
        }
        Ok(Self(times))
    }

    /// Puts new pairs in, sorted by place and none of them in `here` yet.
    pub fn insert(&mut self, here: &RoaringBitmap, new: &[(u32, u64)]) {
        for group in new.chunk_by(|one, other| part(one.0) == part(other.0)) {
            let Some(times) = group
                .first()
                .and_then(|(place, _)| self.0.get_mut(&part(*place)))
            else {
                continue;
            };
            let range = group
                .first()
                .map_or(0..0, |(place, _)| places(part(*place)));
            let mut known = here.range(range).zip(std::mem::take(times)).peekable();
            let mut merged = Vec::with_capacity(known.size_hint().0 + group.len());
            for &(place, time) in group {
                while let Some((_, time)) = known.next_if(|(known, _)| *known < place) {
                    merged.push(time);
                }
                merged.push(time);
            }
            merged.extend(known.map(|(_, time)| time));
            *times = merged;
        }
    }

    /// Takes pairs out; `here` still has them.
    pub fn remove(&mut self, here: &RoaringBitmap, gone: &RoaringBitmap) {
        for (part, times) in &mut self.0 {
            let known = here.range(places(*part)).zip(std::mem::take(times));
            let left = known.filter(|(place, _)| !gone.contains(*place));
            *times = left.map(|(_, time)| time).collect();
        }
    }

    /// The time of a place that is in `here`.
    pub fn get(&self, here: &RoaringBitmap, place: u32) -> Option<u64> {
        let part = part(place);
        let rank = here.range_cardinality(places(part).start..place);
        self.0.get(&part)?.get(rank as usize).copied()
    }

    /// Writes them; a part of which nothing is left loses its row.
    pub fn write(self, tx: &mut Transaction<'_>, relay: i64, chunk: u64) -> Result<(), Error> {
        for (part, times) in self.0 {
            let part = stored((chunk << (BITS - TIMES_BITS)) + u64::from(part));
            if times.is_empty() {
                tx.execute(
                    "DELETE FROM observatory_seen WHERE relay = ? AND part = ?",
                    (relay, part),
                )?;
            } else {
                tx.execute(
                    "INSERT INTO observatory_seen (relay, part, times) VALUES (?, ?, ?)
                     ON CONFLICT (relay, part) DO UPDATE SET times = excluded.times",
                    (relay, part, times::encode(&times)),
                )?;
            }
        }
        Ok(())
    }
}
