//! Forgetting who held events that have left the archive.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use stentor_sql::{Error, Transaction};

use super::chunk::{self, Holding};
use super::copies::Copies;
use super::copy_rows::CopyRows;
use super::seen::Times;
use super::tally::Tally;
use crate::clock::stored;

/// Holdings read at once.
const PAGE: i64 = 128;

/// Takes the share of these events out of holdings and counts, and remembers that they are gone: pairs of them that are
/// credited later do not count. Idempotent: an event that is gone already is left out. How long events took to arrive stays counted.
///
/// The holders of an event are found by going through who holds anything of its chunk, until all its copies are found. Callers pass
/// some hundred numbers at a time.
///
/// # Errors
/// Those of the records.
pub(crate) fn forget(tx: &mut Transaction<'_>, numbers: &[u64]) -> Result<(), Error> {
    let numbers: BTreeSet<u64> = numbers.iter().copied().collect();
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let mut tally = Tally::default();
    for group in numbers.chunk_by(|one, other| chunk::of(*one) == chunk::of(*other)) {
        forget_chunk(tx, group, &mut tally)?;
    }
    tally.write(tx)
}

fn forget_chunk(tx: &mut Transaction<'_>, numbers: &[u64], tally: &mut Tally) -> Result<(), Error> {
    let mut copies = CopyRows::read(tx, numbers.iter().copied())?;
    let mut held = RoaringBitmap::new();
    let mut pairs = 0;
    for &number in numbers {
        let before = copies.get(number);
        let count = match before {
            Copies::Gone => continue,
            Copies::None => 0,
            Copies::One(_) => 1,
            Copies::Many(count) => u64::from(count),
        };
        if count > 0 {
            held.insert(chunk::place(number));
        }
        pairs += count;
        tally.copies(before, Copies::Gone);
        copies.set(number, Copies::Gone);
    }
    copies.write(tx)?;
    let Some(first) = numbers.first() else {
        return Ok(());
    };
    let chunk = chunk::of(*first);
    let mut after = i64::MIN;
    while pairs > 0 {
        let page = page(tx, chunk, after)?;
        let Some((last, _)) = page.last() else {
            break;
        };
        after = *last;
        for (relay, mut holding) in page {
            let gone = &holding.here & &held;
            if gone.is_empty() {
                continue;
            }
            let mut times = Times::read(tx, relay, chunk, &holding.here, &gone)?;
            times.remove(&holding.here, &gone);
            times.write(tx, relay, chunk)?;
            holding.here -= &gone;
            holding.live -= &gone;
            holding.write(tx, relay, chunk)?;
            tally.events(relay, -stored(gone.len()));
            pairs = pairs.saturating_sub(gone.len());
        }
    }
    Ok(())
}

/// What the next relays hold of a chunk, in the order of their numbers.
fn page(tx: &mut Transaction<'_>, chunk: u64, after: i64) -> Result<Vec<(i64, Holding)>, Error> {
    let found: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = tx.fetch_all(
        "SELECT relay, here, live FROM observatory_holdings WHERE chunk = ? AND relay > ? ORDER BY relay LIMIT ?",
        (stored(chunk), after, PAGE),
    )?;
    let read = |(relay, here, live): (i64, Vec<u8>, Option<Vec<u8>>)| {
        Ok((relay, Holding::decode(&here, live.as_deref())?))
    };
    found.into_iter().map(read).collect()
}
