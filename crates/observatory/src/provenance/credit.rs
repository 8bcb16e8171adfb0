//! Taking down that a relay holds an event.

use std::collections::BTreeSet;

use stentor_sql::{Error, Transaction};

use super::chunk::{self, Holding};
use super::copies::Copies;
use super::copy_rows::CopyRows;
use super::seen::Times;
use super::tally::Tally;
use super::{How, Pair, latency};

/// Takes these pairs down, with all that is counted of them, in the caller's transaction; returns how many were new.
///
/// Idempotent: of a pair that is known nothing changes, so that the first call decides on its time and on how it was seen; among
/// several in one call it is the earliest. Pairs of events that have left the archive are left out. What it costs goes with the chunks
/// of 65,536 event numbers that the pairs lie in, and with the relays: pairs of one relay that lie close together cost a few
/// statements in all, and scattered ones some six statements each. Callers pass a few thousand at a time.
///
/// # Errors
/// Those of the records.
pub(crate) fn credit(tx: &mut Transaction<'_>, pairs: &[Pair]) -> Result<u64, Error> {
    let mut pairs = pairs.to_vec();
    let key = |pair: &Pair| (chunk::of(pair.number), pair.relay, pair.number);
    pairs.sort_unstable_by_key(|pair| (key(pair), pair.seen_ms, pair.how));
    pairs.dedup_by_key(|pair| key(pair));
    let mut tally = Tally::default();
    let mut new = 0;
    for group in pairs.chunk_by(|one, other| chunk::of(one.number) == chunk::of(other.number)) {
        new += credit_chunk(tx, group, &mut tally)?;
    }
    tally.write(tx)?;
    Ok(new)
}

/// Takes down pairs of one chunk, sorted by relay and number.
fn credit_chunk(tx: &mut Transaction<'_>, pairs: &[Pair], tally: &mut Tally) -> Result<u64, Error> {
    let Some(first) = pairs.first() else {
        return Ok(0);
    };
    let chunk = chunk::of(first.number);
    let relays: BTreeSet<i64> = pairs.iter().map(|pair| pair.relay.0).collect();
    let mut holdings = chunk::holdings(tx, chunk, &relays)?;
    let unknown: Vec<&Pair> = pairs
        .iter()
        .filter(|pair| {
            let known = holdings.get(&pair.relay.0);
            !known.is_some_and(|known| known.here.contains(chunk::place(pair.number)))
        })
        .collect();
    if unknown.is_empty() {
        return Ok(0);
    }
    let mut copies = CopyRows::read(tx, unknown.iter().map(|pair| pair.number))?;
    let mut new = 0;
    for group in unknown.chunk_by(|one, other| one.relay == other.relay) {
        let Some(relay) = group.first().map(|pair| pair.relay.0) else {
            continue;
        };
        let there = |pair: &&Pair| copies.get(pair.number) != Copies::Gone;
        let group: Vec<Pair> = group.iter().copied().filter(there).copied().collect();
        if group.is_empty() {
            continue;
        }
        let holding = holdings.entry(relay).or_default();
        take_down(tx, chunk, &group, holding)?;
        for pair in &group {
            count(pair, &mut copies, tally);
        }
        new += group.len() as u64;
    }
    copies.write(tx)?;
    Ok(new)
}

/// Adds new pairs of one relay and chunk, sorted by number, to what it holds.
fn take_down(
    tx: &mut Transaction<'_>,
    chunk: u64,
    pairs: &[Pair],
    holding: &mut Holding,
) -> Result<(), Error> {
    let Some(relay) = pairs.first().map(|pair| pair.relay.0) else {
        return Ok(());
    };
    let seen = pairs
        .iter()
        .map(|pair| (chunk::place(pair.number), pair.seen_ms));
    let seen: Vec<(u32, u64)> = seen.collect();
    let places = seen.iter().map(|(place, _)| *place);
    let mut times = Times::read(tx, relay, chunk, &holding.here, places)?;
    times.insert(&holding.here, &seen);
    times.write(tx, relay, chunk)?;
    holding.here.extend(seen.iter().map(|(place, _)| *place));
    let live = pairs.iter().filter(|pair| pair.how == How::Live);
    holding
        .live
        .extend(live.map(|pair| chunk::place(pair.number)));
    holding.write(tx, relay, chunk)
}

/// Counts a new pair.
fn count(pair: &Pair, copies: &mut CopyRows, tally: &mut Tally) {
    let relay = pair.relay.0;
    let before = copies.get(pair.number);
    let after = match before {
        Copies::None | Copies::Gone => Copies::One(relay),
        Copies::One(_) => Copies::Many(2),
        Copies::Many(count) => Copies::Many(count.saturating_add(1)),
    };
    copies.set(pair.number, after);
    tally.copies(before, after);
    tally.events(relay, 1);
    if pair.how == How::Live {
        tally.latency(relay, latency::bucket(pair.seen_ms, pair.created_ms));
    }
}
