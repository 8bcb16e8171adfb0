//! What relays hold of a chunk, as it is worked on within one transaction.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use stentor_sql::{Error, Transaction};

use super::bits;
use crate::clock::stored;
use crate::table::{for_rows, rows};

/// Event numbers in a chunk, as a power of two.
pub(super) const BITS: u32 = 16;

/// The chunk of an event number.
pub(super) const fn of(number: u64) -> u64 {
    number >> BITS
}

/// The place of an event number in its chunk.
pub(super) const fn place(number: u64) -> u32 {
    (number & ((1 << BITS) - 1)) as u32
}

/// The event number of a place in a chunk.
pub(super) const fn number(chunk: u64, place: u32) -> u64 {
    (chunk << BITS) | place as u64
}

/// What a relay holds of a chunk.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Holding {
    /// The places it holds.
    pub here: RoaringBitmap,
    /// Those of them that came on a live subscription.
    pub live: RoaringBitmap,
}

/// A column whose bytes cannot be read.
pub(super) fn corrupt(column: &'static str) -> Error {
    Error::Column {
        column: column.to_owned(),
        wanted: "the format that this program writes",
        found: "other bytes".into(),
    }
}

impl Holding {
    /// Reads it from its columns.
    pub fn decode(here: &[u8], live: Option<&[u8]>) -> Result<Self, Error> {
        let here = bits::decode(here).ok_or_else(|| corrupt("here"))?;
        let live = bits::decode_within(live, &here).ok_or_else(|| corrupt("live"))?;
        Ok(Self { here, live })
    }

    /// Writes it, or removes the row when nothing is left.
    pub fn write(&mut self, tx: &mut Transaction<'_>, relay: i64, chunk: u64) -> Result<(), Error> {
        let chunk = stored(chunk);
        if self.here.is_empty() {
            tx.execute(
                "DELETE FROM observatory_holdings WHERE relay = ? AND chunk = ?",
                (relay, chunk),
            )?;
            return Ok(());
        }
        let pairs = stored(self.here.len());
        let here = bits::encode(&mut self.here);
        let live = bits::encode_within(&mut self.live, &self.here);
        tx.execute(
            "INSERT INTO observatory_holdings (relay, chunk, pairs, here, live) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (relay, chunk) DO UPDATE SET pairs = excluded.pairs, here = excluded.here, live = excluded.live",
            (relay, chunk, pairs, here, live),
        )?;
        Ok(())
    }
}

/// What these relays hold of a chunk.
pub(super) fn holdings(
    tx: &mut Transaction<'_>,
    chunk: u64,
    relays: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Holding>, Error> {
    let found: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = tx.fetch_all(
        for_rows!(
            "SELECT relay, here, live FROM observatory_holdings WHERE chunk = ? AND relay IN (SELECT CAST(value ->> 0 AS BIGINT)",
            ")"
        ),
        (stored(chunk), rows(relays.iter().map(|relay| [*relay]))),
    )?;
    let mut holdings = BTreeMap::new();
    for (relay, here, live) in found {
        holdings.insert(relay, Holding::decode(&here, live.as_deref())?);
    }
    Ok(holdings)
}
