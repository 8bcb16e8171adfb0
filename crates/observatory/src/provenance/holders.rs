//! Reading who holds some events.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringBitmap;
use stentor_sql::{Database, Error, Transaction};

use super::chunk;
use super::copies::Copies;
use super::copy_rows::CopyRows;
use super::read::{Columns, Held, PAGE, Row};
use crate::clock::stored;
use crate::table::{for_rows, rows};

/// Who holds an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// The first of them, in the order of the relays' numbers.
    pub first: Vec<Held>,
    /// How many there are.
    pub total: u64,
}

/// Who holds each of these events (some hundred at most); of each, the first `most` holders. Events that nobody holds are left out.
///
/// The events of a chunk are looked for in one pass over what relays hold of it, which ends with the last holder that is told. Each page
/// of relays is read by itself, so that others get at the records in between; what changes between two may be missed or seen.
///
/// # Errors
/// Those of the records.
pub(crate) async fn holders_of(
    records: &Database,
    numbers: &BTreeSet<u64>,
    most: usize,
) -> Result<BTreeMap<u64, Holders>, Error> {
    Ok(read(records, numbers, most).await?.0)
}

/// The same, with how many pages of relays were read for it.
pub(super) async fn read(
    records: &Database,
    numbers: &BTreeSet<u64>,
    most: usize,
) -> Result<(BTreeMap<u64, Holders>, usize), Error> {
    let numbers: Vec<u64> = numbers.iter().copied().collect();
    let (mut holders, mut pages) = (BTreeMap::new(), 0);
    for group in numbers.chunk_by(|one, other| chunk::of(*one) == chunk::of(*other)) {
        let mut search = Search::new(records, group, most).await?;
        pages += search.run(records).await?;
        holders.extend(search.found);
    }
    Ok((holders, pages))
}

/// A pass over one chunk.
struct Search {
    chunk: u64,
    found: BTreeMap<u64, Holders>,
    /// Places of events of which holders are still to be told, each with how many.
    wanted: BTreeMap<u32, u64>,
    /// The only relays that hold any of them, where each has one holder.
    only: Option<BTreeSet<i64>>,
}

impl Search {
    /// Of events of one chunk: how many holders each has is told by its copies.
    async fn new(records: &Database, numbers: &[u64], most: usize) -> Result<Self, Error> {
        let asked = numbers.to_vec();
        let copies = records
            .read(move |tx| CopyRows::read(tx, asked.iter().copied()))
            .await?;
        let (mut found, mut wanted) = (BTreeMap::new(), BTreeMap::new());
        let (mut alone, mut is_shared) = (BTreeSet::new(), false);
        for &number in numbers {
            let total = match copies.get(number) {
                Copies::None | Copies::Gone => continue,
                Copies::One(relay) => {
                    alone.insert(relay);
                    1
                }
                Copies::Many(count) => {
                    is_shared = true;
                    u64::from(count)
                }
            };
            wanted.insert(chunk::place(number), total.min(most as u64));
            let first = Vec::new();
            found.insert(number, Holders { first, total });
        }
        Ok(Self {
            chunk: numbers.first().map_or(0, |number| chunk::of(*number)),
            found,
            wanted,
            only: (!is_shared).then_some(alone),
        })
    }

    /// Looks for holders until all have been told that are wanted; returns how many pages of relays were read.
    async fn run(&mut self, records: &Database) -> Result<usize, Error> {
        let (mut after, mut pages) = (i64::MIN, 0);
        self.wanted.retain(|_, left| *left > 0);
        while !self.wanted.is_empty() {
            let places: RoaringBitmap = self.wanted.keys().copied().collect();
            let (chunk, only) = (self.chunk, self.only.clone());
            let read = records.read(move |tx| page(tx, chunk, after, only.as_ref(), &places));
            pages += 1;
            let Some((held, last)) = read.await? else {
                break;
            };
            after = last;
            held.into_iter().for_each(|one| self.tell(one));
            self.wanted.retain(|_, left| *left > 0);
        }
        Ok(pages)
    }

    fn tell(&mut self, held: Held) {
        let left = self.wanted.get_mut(&chunk::place(held.number));
        let holders = self.found.get_mut(&held.number);
        if let (Some(left @ 1..), Some(holders)) = (left, holders) {
            *left -= 1;
            holders.first.push(held);
        }
    }
}

/// Which of these places the next relays hold, and the last of these relays; `None` when there are no more.
fn page(
    tx: &mut Transaction<'_>,
    chunk: u64,
    after: i64,
    only: Option<&BTreeSet<i64>>,
    places: &RoaringBitmap,
) -> Result<Option<(Vec<Held>, i64)>, Error> {
    let rows: Vec<Columns> = match only {
        None => tx.fetch_all(
            "SELECT chunk, relay, here, live FROM observatory_holdings
             WHERE chunk = ? AND relay > ? ORDER BY relay LIMIT ?",
            (stored(chunk), after, PAGE),
        )?,
        Some(only) => {
            let next = only.range(after.saturating_add(1)..).take(PAGE as usize);
            tx.fetch_all(
                for_rows!(
                    "SELECT chunk, relay, here, live FROM observatory_holdings
                     WHERE chunk = ? AND relay IN (SELECT CAST(value ->> 0 AS BIGINT)",
                    ") ORDER BY relay"
                ),
                (stored(chunk), rows(next.map(|relay| [*relay]))),
            )?
        }
    };
    let Some((_, last, ..)) = rows.last() else {
        return Ok(None);
    };
    let (last, mut held) = (*last, Vec::new());
    for row in rows {
        let row = Row::read(row)?;
        let there = &row.holding.here & places;
        if !there.is_empty() {
            held.extend(row.held(tx, &there)?);
        }
    }
    Ok(Some((held, last)))
}

/// Who holds the event of this number.
#[cfg(test)]
pub(crate) async fn holders(records: &Database, number: u64) -> Result<Vec<Held>, Error> {
    let found = holders_of(records, &BTreeSet::from([number]), usize::MAX).await?;
    Ok(found.into_values().flat_map(|one| one.first).collect())
}
