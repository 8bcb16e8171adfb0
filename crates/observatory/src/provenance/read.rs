//! Reading who holds what.

use roaring::RoaringBitmap;
use stentor_sql::{Error, Transaction};

use super::How;
use super::chunk::{self, Holding, corrupt};
use super::seen::Times;
use crate::clock::read;
use crate::table::RelayId;

/// Rows of holdings that are read at once: 1 MiB of bitmaps at most.
pub(super) const PAGE: i64 = 64;

/// A relay holds an event, as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// The event's number in the archive.
    pub number: u64,
    /// The relay.
    pub relay: RelayId,
    /// When it was first seen there, in Unix milliseconds.
    pub seen_ms: u64,
    /// How it was first seen.
    pub how: How,
}

/// A row of holdings.
pub(super) struct Row {
    pub chunk: u64,
    pub relay: i64,
    pub holding: Holding,
}

pub(super) type Columns = (i64, i64, Vec<u8>, Option<Vec<u8>>);

impl Row {
    pub fn read((chunk, relay, here, live): Columns) -> Result<Self, Error> {
        Ok(Self {
            chunk: read(chunk),
            relay,
            holding: Holding::decode(&here, live.as_deref())?,
        })
    }

    /// The pairs of these places, which it holds.
    pub fn held(
        &self,
        tx: &mut Transaction<'_>,
        places: &RoaringBitmap,
    ) -> Result<Vec<Held>, Error> {
        let Holding { here, live } = &self.holding;
        let times = Times::read(tx, self.relay, self.chunk, here, places)?;
        let mut held = Vec::with_capacity(places.len() as usize);
        for place in places {
            held.push(Held {
                number: chunk::number(self.chunk, place),
                relay: RelayId(self.relay),
                seen_ms: times.get(here, place).ok_or_else(|| corrupt("times"))?,
                how: if live.contains(place) {
                    How::Live
                } else {
                    How::Fetched
                },
            });
        }
        Ok(held)
    }
}
