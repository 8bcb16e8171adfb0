//! Which of some events each relay holds.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use stentor_sql::{Database, Error};

use super::chunk::{self, Holding};
use crate::clock::stored;

/// Rows of holdings that are read at once: 1 MiB of bitmaps at most.
const PAGE: i64 = 64;
/// Rows of holdings behind which no further chunk is begun for one question.
const MOST_ROWS: usize = 50_000;

/// What relays hold of some events.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Among {
    /// By relay, the places in the list of the events that it holds.
    pub held: BTreeMap<i64, RoaringBitmap>,
    /// How many of the events were looked for at every relay: the last ones of the list. Nothing is told of those before them.
    pub of: usize,
}

/// Which of these events (ascending, some thousand at most) each relay holds.
///
/// Looks at what relays hold of the chunks that the events lie in, those with the greatest numbers first. Once 50,000 rows have been
/// read no further chunk is begun, and one that was begun is read to its end: so each event is looked for at all relays or at none.
///
/// # Errors
/// Those of the records.
pub(crate) async fn held_among(records: &Database, numbers: &[u64]) -> Result<Among, Error> {
    held_within(records, numbers, MOST_ROWS).await
}

/// The same with another number of rows.
pub(super) async fn held_within(
    records: &Database,
    numbers: &[u64],
    most_rows: usize,
) -> Result<Among, Error> {
    let (mut among, mut looked) = (Among::default(), 0);
    let groups = numbers.chunk_by(|one, other| chunk::of(*one) == chunk::of(*other));
    let groups: Vec<&[u64]> = groups.collect();
    for group in groups.into_iter().rev() {
        if looked >= most_rows {
            break;
        }
        among.of += group.len();
        let first = (numbers.len() - among.of) as u32;
        looked += look(records, group, first, &mut among.held).await?;
    }
    Ok(among)
}

/// Looks for events of one chunk, the first of which is at the place `first`, at all relays; returns how many rows were read.
async fn look(
    records: &Database,
    group: &[u64],
    first: u32,
    held: &mut BTreeMap<i64, RoaringBitmap>,
) -> Result<usize, Error> {
    let Some(chunk) = group.first().map(|number| chunk::of(*number)) else {
        return Ok(0);
    };
    let (mut looked, mut after) = (0, i64::MIN);
    loop {
        let rows: Vec<(i64, Vec<u8>)> = records
            .fetch_all(
                "SELECT relay, here FROM observatory_holdings WHERE chunk = ? AND relay > ? ORDER BY relay LIMIT ?",
                (stored(chunk), after, PAGE),
            )
            .await?;
        let Some((last, _)) = rows.last() else {
            return Ok(looked);
        };
        (after, looked) = (*last, looked + rows.len());
        for (relay, here) in rows {
            let here = Holding::decode(&here, None)?.here;
            let numbers = group.iter().zip(first..);
            let found = numbers.filter(|(number, _)| here.contains(chunk::place(**number)));
            let mut found = found.map(|(_, place)| place).peekable();
            if found.peek().is_some() {
                held.entry(relay).or_default().extend(found);
            }
        }
    }
}
