//! Reading the log again, after a crash or to rebuild what is derived from it.

use std::sync::Arc;

use super::record::COMMIT_MAGIC;
use super::segment::SEGMENT_HEADER;
use super::{Address, HEADER, Log, Record, RecordKind, Segment};
use crate::StoreError;
use crate::embedded::files::corrupt;

/// A committed batch, read again.
pub struct Replayed<'a> {
    /// Position in the feed of its first entry.
    pub first_seq: u64,
    /// When it was committed, in Unix milliseconds.
    pub time_ms: u64,
    /// Its records and where they are, without the commit record.
    pub records: Vec<(Address, Record<'a>)>,
    /// Where the next batch starts.
    pub end: Address,
}

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where the next batch goes; `None` when there is no segment.
    pub end: Option<Address>,
    /// Bytes of an unfinished batch behind it.
    pub torn: u64,
}

/// Visits all batches committed from `from` on (from the first when `None`), and finds the end of the log. A batch cut
/// short by a crash is left out; damage before the end is an error. `next_seq` is the position in the feed expected next.
pub fn replay(
    log: &Log,
    from: Option<Address>,
    mut next_seq: u64,
    mut visit: impl FnMut(Replayed<'_>) -> Result<u64, StoreError>,
) -> Result<Tail, StoreError> {
    let segments = log.segments();
    let mut ordered: Vec<&Arc<Segment>> = segments.values().collect();
    ordered.sort_by_key(|segment| segment.order);
    // A checkpoint lies in a segment written by commits, and so do all batches behind it.
    ordered
        .retain(|segment| from.is_none_or(|from| !segment.is_copy() && segment.id >= from.segment));
    let mut tail = Tail { end: None, torn: 0 };
    for (place, segment) in ordered.iter().enumerate() {
        let content = segment.content()?;
        let start = from
            .filter(|from| from.segment == segment.id)
            .map_or(SEGMENT_HEADER, |from| from.offset as usize);
        let end = walk(segment, content, start, &mut |batch| {
            next_seq = visit(batch)?;
            Ok(())
        })?;
        let rest = content.get(end..).unwrap_or_default();
        let torn = rest
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at as u64 + 1);
        let newest = place + 1 == ordered.len();
        if torn > 0 && (!newest || committed_later(rest, next_seq)) {
            return Err(corrupt(
                &segment.path,
                end as u64,
                "a record is damaged, and committed ones follow",
            ));
        }
        tail = Tail {
            end: Some(Address {
                segment: segment.id,
                offset: end as u32,
            }),
            torn,
        };
    }
    Ok(tail)
}

/// Visits the committed batches of a segment from byte `start` on; returns where the last one ends.
pub fn walk<'a>(
    segment: &Segment,
    content: &'a [u8],
    start: usize,
    visit: &mut impl FnMut(Replayed<'a>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    let (mut at, mut committed) = (start, start);
    let mut records = Vec::new();
    while let Some(record) = content.get(at..).and_then(Record::read) {
        let address = Address {
            segment: segment.id,
            offset: at as u32,
        };
        at += record.length();
        if record.kind != RecordKind::Commit {
            records.push((address, record));
            continue;
        }
        let Some((time_ms, count)) = record.commit() else {
            break;
        };
        if count as usize != records.len() {
            break;
        }
        let end = Address {
            segment: segment.id,
            offset: at as u32,
        };
        visit(Replayed {
            first_seq: record.number,
            time_ms,
            records: std::mem::take(&mut records),
            end,
        })?;
        committed = at;
    }
    Ok(committed)
}

/// Whether these bytes contain the end of a batch that was committed after the one expected here.
fn committed_later(bytes: &[u8], next_seq: u64) -> bool {
    commits_in(bytes).any(|record| record.number > next_seq)
}

/// All intact commit records in these bytes, wherever they stand.
pub fn commits_in(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    memchr::memmem::find_iter(bytes, COMMIT_MAGIC).filter_map(move |at| {
        let record = Record::read(bytes.get(at.checked_sub(HEADER)?..)?)?;
        (record.kind == RecordKind::Commit).then_some(record)
    })
}
