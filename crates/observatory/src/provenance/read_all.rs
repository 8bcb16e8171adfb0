//! Reading all pairs.

use std::ops::Range;

use stentor_sql::{Database, Error, Transaction};

use super::chunk;
use super::read::{Columns, Held, PAGE, Row};
use crate::clock::stored;

/// Pairs above which a batch takes in no further row. A row has 65,536 at most.
const BATCH: usize = 16_384;

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
