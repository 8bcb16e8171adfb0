//! Reading who holds what.

use std::ops::Range;

use roaring::RoaringBitmap;
use stentor_sql::{Database, Error, Transaction};

use super::How;
use super::chunk::{self, Holding, corrupt};
use super::seen::Times;
use crate::clock::{read, stored};
use crate::table::RelayId;

/// Most holders of an event that are told.
pub(crate) const MOST_HOLDERS: usize = 1_000;
/// Rows of holdings that are read at once: 1 MiB of bitmaps at most.
const PAGE: i64 = 64;
/// Pairs above which a batch takes in no further row. A row has 65,536 at most.
const BATCH: usize = 16_384;

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
struct Row {
    chunk: u64,
    relay: i64,
    holding: Holding,
}

type Columns = (i64, i64, Vec<u8>, Option<Vec<u8>>);

impl Row {
    fn read((chunk, relay, here, live): Columns) -> Result<Self, Error> {
        Ok(Self {
            chunk: read(chunk),
            relay,
            holding: Holding::decode(&here, live.as_deref())?,
        })
    }

    /// The pairs of these places, which it holds.
    fn held(&self, tx: &mut Transaction<'_>, places: &RoaringBitmap) -> Result<Vec<Held>, Error> {
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

/// Who holds the event of this number, in the order of the relays' numbers; at most [`MOST_HOLDERS`].
///
/// # Errors
/// Those of the records.
pub(crate) async fn holders(records: &Database, number: u64) -> Result<Vec<Held>, Error> {
    let place = RoaringBitmap::from_iter([chunk::place(number)]);
    records
        .read(move |tx| {
            let (mut held, mut after) = (Vec::new(), i64::MIN);
            loop {
                let rows: Vec<Columns> = tx.fetch_all(
                    "SELECT chunk, relay, here, live FROM observatory_holdings
                     WHERE chunk = ? AND relay > ? ORDER BY relay LIMIT ?",
                    (stored(chunk::of(number)), after, PAGE),
                )?;
                let is_last = (rows.len() as i64) < PAGE;
                for row in rows {
                    let row = Row::read(row)?;
                    after = row.relay;
                    if place.is_subset(&row.holding.here) {
                        held.extend(row.held(tx, &place)?);
                    }
                }
                if is_last || held.len() >= MOST_HOLDERS {
                    held.truncate(MOST_HOLDERS);
                    return Ok(held);
                }
            }
        })
        .await
}

/// Numbers of events that a relay holds, from the one after `after` on, ascending, at most `limit`.
///
/// # Errors
/// Those of the records.
pub(crate) async fn numbers_of(
    records: &Database,
    relay: RelayId,
    after: u64,
    limit: usize,
) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    let mut from = after.saturating_add(1);
    while numbers.len() < limit {
        let rows: Vec<(i64, Vec<u8>)> = records
            .fetch_all(
                "SELECT chunk, here FROM observatory_holdings WHERE relay = ? AND chunk >= ? ORDER BY chunk LIMIT ?",
                (relay.0, stored(chunk::of(from)), PAGE),
            )
            .await?;
        let Some((last, _)) = rows.last() else {
            break;
        };
        let next = chunk::number(read(*last) + 1, 0);
        for (chunk, here) in rows {
            let held = Holding::decode(&here, None)?.here;
            let held = held.iter().map(|place| chunk::number(read(chunk), place));
            let wanted = held.filter(|number| *number >= from);
            numbers.extend(wanted.take(limit - numbers.len()));
        }
        from = next;
    }
    Ok(numbers)
}

/// A chunk, and a relay in it.
type Place = (u64, i64);

/// Reads all pairs of a range of event numbers in batches, by chunk, then by relay, then by number. Each batch is read at one moment;
/// what changes between two may be missed or seen.
#[derive(Debug)]
pub(crate) struct PairReader {
    records: Database,
    numbers: Range<u64>,
    /// The chunk that is being read, and the relay up to which it has been.
    chunk: u64,
    relay: i64,
}

impl PairReader {
    /// A reader of pairs of these events.
    pub fn new(records: &Database, numbers: Range<u64>) -> Self {
        Self {
            records: records.clone(),
            chunk: chunk::of(numbers.start),
            numbers,
            relay: i64::MIN,
        }
    }

    /// The next pairs: some 16,384, 80,000 at most; `None` at the end.
    ///
    /// # Errors
    /// Those of the records. The same batch can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Held>>, Error> {
        loop {
            let (numbers, at) = (self.numbers.clone(), (self.chunk, self.relay));
            let read = self.records.read(move |tx| batch(tx, &numbers, at));
            let Some((held, (chunk, relay))) = read.await? else {
                return Ok(None);
            };
            (self.chunk, self.relay) = (chunk, relay);
            if !held.is_empty() {
                return Ok(Some(held));
            }
        }
    }
}

/// The next pairs and up to where they go; `None` at the end of the range.
fn batch(
    tx: &mut Transaction<'_>,
    numbers: &Range<u64>,
    (chunk, relay): Place,
) -> Result<Option<(Vec<Held>, Place)>, Error> {
    if numbers.is_empty() {
        return Ok(None);
    }
    let last = chunk::of(numbers.end - 1);
    let rows: Vec<Columns> = tx.fetch_all(
        "SELECT chunk, relay, here, live FROM observatory_holdings
         WHERE ((chunk = ? AND relay > ?) OR chunk > ?) AND chunk >= ? AND chunk <= ? ORDER BY chunk, relay LIMIT ?",
        (stored(chunk), relay, stored(chunk), stored(chunk), stored(last), PAGE),
    )?;
    let (mut held, mut at) = (Vec::new(), None);
    for row in rows {
        let row = Row::read(row)?;
        let inside = |place: &u32| numbers.contains(&chunk::number(row.chunk, *place));
        let places = row.holding.here.iter().filter(inside).collect();
        held.extend(row.held(tx, &places)?);
        at = Some((row.chunk, row.relay));
        if held.len() >= BATCH {
            break;
        }
    }
    Ok(at.map(|at| (held, at)))
}
