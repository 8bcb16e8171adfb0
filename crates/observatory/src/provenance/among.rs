//! Which of some events each relay holds.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use stentor_sql::{Database, Error};

use super::chunk::{self, Holding};
use crate::clock::stored;

/// Rows of holdings that are read at once: 1 MiB of bitmaps at most.
const PAGE: i64 = 64;
/// Rows of holdings that are looked at for one question of `held_among`.
const MOST_ROWS: usize = 50_000;

/// Which of these events (ascending, some thousand at most) each relay holds, as places in the list.
///
/// Looks at what relays hold of the chunks that the events lie in, at 50,000 rows at most, those of the newest events first: for
/// events that are scattered over all of a large archive, older ones may be missed.
///
/// # Errors
/// Those of the records.
pub(crate) async fn held_among(
    records: &Database,
    numbers: &[u64],
) -> Result<BTreeMap<i64, RoaringBitmap>, Error> {
    let mut held: BTreeMap<i64, RoaringBitmap> = BTreeMap::new();
    let mut looked = 0;
    let groups = numbers.chunk_by(|one, other| chunk::of(*one) == chunk::of(*other));
    let mut places = Vec::new();
    let mut start = 0_u32;
    for group in groups {
        places.push((start, group));
        start += group.len() as u32;
    }
    for (start, group) in places.into_iter().rev() {
        let Some(chunk) = group.first().map(|number| chunk::of(*number)) else {
            continue;
        };
        let mut after = i64::MIN;
        while looked < MOST_ROWS {
            let rows: Vec<(i64, Vec<u8>)> = records
                .fetch_all(
                    "SELECT relay, here FROM observatory_holdings WHERE chunk = ? AND relay > ? ORDER BY relay LIMIT ?",
                    (stored(chunk), after, PAGE),
                )
                .await?;
            let Some((last, _)) = rows.last() else {
                break;
            };
            (after, looked) = (*last, looked + rows.len());
            for (relay, here) in rows {
                let here = Holding::decode(&here, None)?.here;
                let numbers = group.iter().zip(start..);
                let found = numbers.filter(|(number, _)| here.contains(chunk::place(**number)));
                let mut found = found.map(|(_, place)| place).peekable();
                if found.peek().is_some() {
                    held.entry(relay).or_default().extend(found);
                }
            }
        }
    }
    Ok(held)
}
