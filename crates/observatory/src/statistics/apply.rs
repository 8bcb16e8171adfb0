//! Writing what a batch adds, in one transaction with the place up to which the feed has been read.

use std::collections::BTreeMap;

use stentor_sql::{Error, Transaction};

use super::batch::Batch;
use super::ledger::{Counted, Ledger};
use super::removed::Replaced;
use super::{authors, lists};
use crate::clock::{read, stored};
use crate::table::{Cursor, for_rows, rows, set_cursor};

/// The name of the reader.
pub(super) const NAME: &str = "statistics";

/// Where in the feed a batch is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// The place after which it begins.
    pub after: u64,
    /// The place of its last change.
    pub last: u64,
}

/// Writes a batch, unless it has been written: a transaction whose caller was ended before it learned of it may still take place, and
/// whoever comes next has read the same changes. `replaced`: what stands in the place of relay lists that left.
pub(crate) fn apply(
    tx: &mut Transaction<'_>,
    batch: &Batch,
    replaced: &[Replaced],
    span: Span,
    now_ms: u64,
) -> Result<(), Error> {
    let place: Option<(i64,)> = tx.fetch_optional(
        "SELECT place FROM observatory_cursors WHERE name = ?",
        (NAME,),
    )?;
    if place.map_or(0, |(place,)| read(place)) != span.after {
        return Ok(());
    }
    let numbers = authors::count(tx, &batch.authors, now_ms)?;
    let came = batch.lists.iter().filter_map(|((author, kind), list)| {
        let number = numbers.get(author)?;
        Some(((*number, *kind), list))
    });
    lists::keep(tx, &came.collect::<Vec<_>>(), now_ms)?;
    let mut back = Vec::new();
    for replaced in replaced {
        let key = (replaced.author, replaced.kind);
        if lists::forget(tx, key, &replaced.event)? {
            back.extend(replaced.by.as_ref().map(|list| (key, list)));
        }
    }
    lists::keep(tx, &back, now_ms)?;
    let mut kinds = BTreeMap::new();
    let added = batch.added.iter().map(|added| added.number);
    let mut ledger = Ledger::read(tx, added.chain(batch.removed.iter().copied()))?;
    for added in &batch.added {
        let author = added.author.and_then(|author| numbers.get(&author));
        let note = Counted {
            kind: added.kind,
            day: added.day,
            bytes: added.bytes,
            author: author.copied().unwrap_or(0),
        };
        ledger.set(added.number, Some(note));
        add(&mut kinds, &note, 1);
    }
    let mut left: BTreeMap<u64, i64> = BTreeMap::new();
    for number in &batch.removed {
        if let Some(note) = ledger.set(*number, None) {
            add(&mut kinds, &note, -1);
            *left.entry(note.author).or_default() += 1;
        }
    }
    ledger.write(tx)?;
    write_kinds(tx, kinds)?;
    write_left(tx, left)?;
    let cursor = Cursor {
        place: span.last,
        note: None,
    };
    set_cursor(tx, NAME, &cursor, now_ms)
}

/// Events and bytes by day and kind.
type Kinds = BTreeMap<(i64, u16), [i64; 2]>;

fn add(kinds: &mut Kinds, note: &Counted, sign: i64) {
    let [events, bytes] = kinds.entry((note.day, note.kind)).or_default();
    *events += sign;
    *bytes += sign * stored(note.bytes);
}

fn write_kinds(tx: &mut Transaction<'_>, kinds: Kinds) -> Result<(), Error> {
    let kinds = kinds.into_iter().filter(|(_, more)| *more != [0, 0]);
    let kinds: Vec<_> = kinds
        .map(|((day, kind), [events, bytes])| [day, i64::from(kind), events, bytes])
        .collect();
    if kinds.is_empty() {
        return Ok(());
    }
    tx.execute(
        for_rows!(
            "INSERT INTO observatory_kinds (day, kind, events, bytes)
             SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT), CAST(value ->> 3 AS BIGINT)",
            "WHERE true ON CONFLICT (day, kind) DO UPDATE SET
             events = observatory_kinds.events + excluded.events, bytes = observatory_kinds.bytes + excluded.bytes"
        ),
        (rows(kinds),),
    )?;
    Ok(())
}

/// Takes events that left from their authors.
fn write_left(tx: &mut Transaction<'_>, left: BTreeMap<u64, i64>) -> Result<(), Error> {
    let left = left.into_iter().filter(|(author, _)| *author != 0);
    let left: Vec<_> = left
        .map(|(author, events)| [stored(author), events])
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    tx.execute(
        for_rows!(
            "UPDATE observatory_authors SET events = observatory_authors.events - gone.events
             FROM (SELECT CAST(value ->> 0 AS BIGINT) AS number, CAST(value ->> 1 AS BIGINT) AS events",
            ") AS gone WHERE observatory_authors.number = gone.number"
        ),
        (rows(left),),
    )?;
    Ok(())
}
