//! Reading the log again, after a crash or to rebuild what is derived from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{COMMIT_MAGIC, Commit};
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
    /// Where it starts.
    pub start: Address,
    /// Where the next batch starts. In a compacted copy the segment is the one that it is a copy of, so that such
    /// addresses order by time.
    pub end: Address,
}

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where the next batch goes; `None` when it has to begin a segment.
    pub end: Option<Address>,
    /// Bytes of an unfinished batch behind it.
    pub torn: u64,
    /// Where the last batch starts, if one was visited.
    pub last: Option<Address>,
}

/// Visits all batches committed from `from` on (from the first when `None`), and finds the end of the log. A batch cut
/// short by a crash is left out; damage before the end is an error.
pub fn replay(
    log: &Log,
    from: Option<Address>,
    mut visit: impl FnMut(Replayed<'_>) -> Result<(), StoreError>,
) -> Result<Tail, StoreError> {
    let segments = log.segments();
    let ordered = from_checkpoint(log, &segments, from)?;
    let mut tail = Tail {
        end: None,
        torn: 0,
        last: None,
    };
    for (place, segment) in ordered.iter().enumerate() {
        let content = segment.content()?;
        let start = from
            .filter(|from| from.segment == segment.id)
            .map_or(SEGMENT_HEADER, |from| from.offset as usize);
        if start > content.len() {
            let what = "cut off, and committed records are missing";
            return Err(corrupt(&segment.path, content.len() as u64, what));
        }
        let end = walk(segment, content, start, &mut |batch| {
            tail.last = Some(batch.start);
            visit(batch)
        })?;
        let rest = content.get(end..).unwrap_or_default();
        let torn = rest
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at as u64 + 1);
        let may_be_torn = place + 1 == ordered.len() && !segment.is_copy();
        if torn > 0 && !(may_be_torn && is_one_batch(rest)) {
            return Err(corrupt(
                &segment.path,
                end as u64,
                "a record is damaged, and committed ones follow",
            ));
        }
        // Nothing is appended to a copy: its id is not that of its place in time.
        tail.end = (!segment.is_copy()).then_some(Address {
            segment: segment.id,
            offset: end as u32,
        });
        tail.torn = torn;
    }
    Ok(tail)
}

/// The segments that hold what was committed from `from` on, in the order of time.
fn from_checkpoint<'a>(
    log: &Log,
    segments: &'a BTreeMap<u32, Arc<Segment>>,
    from: Option<Address>,
) -> Result<Vec<&'a Arc<Segment>>, StoreError> {
    let mut ordered: Vec<&Arc<Segment>> = segments.values().collect();
    ordered.sort_by_key(|segment| segment.order);
    let Some(from) = from else {
        return Ok(ordered);
    };
    if !ordered.iter().any(|segment| segment.order == from.segment) {
        let path = Segment::path(&log.folder, from.segment);
        return Err(corrupt(&path, 0, "the segment is missing"));
    }
    // A segment is compacted only when all of it lies before the checkpoint.
    ordered.retain(|segment| segment.order >= from.segment && !segment.is_copy());
    Ok(ordered)
}

/// Visits the committed batches of a segment from byte `start` on; returns where the last one ends.
pub fn walk<'a>(
    segment: &Segment,
    content: &'a [u8],
    start: usize,
    visit: &mut impl FnMut(Replayed<'a>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    let address = |at: usize| Address {
        segment: segment.id,
        offset: at as u32,
    };
    let (mut at, mut committed) = (start, start);
    let mut records = Vec::new();
    while let Some(record) = content.get(at..).and_then(Record::read) {
        let place = at;
        at += record.length();
        if record.kind != RecordKind::Commit {
            records.push((address(place), record));
            continue;
        }
        let whole = record.commit().filter(|commit| {
            commit.records as usize == records.len() && commit.bytes as usize == place - committed
        });
        let Some(commit) = whole else {
            break;
        };
        visit(Replayed {
            first_seq: record.number,
            time_ms: commit.time_ms,
            records: std::mem::take(&mut records),
            start: address(committed),
            end: Address {
                segment: segment.order,
                offset: at as u32,
            },
        })?;
        committed = at;
    }
    Ok(committed)
}

/// Whether these bytes may be what is left of the one batch that was being written when the machine stopped, and not
/// of several, of which all but the last had been acknowledged.
pub fn is_one_batch(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, COMMIT_MAGIC).all(|magic| {
        let start = magic.checked_sub(HEADER);
        let Some((start, record)) =
            start.and_then(|at| Some((at, Record::read(bytes.get(at..)?)?)))
        else {
            return true;
        };
        let later = |commit: Commit| start > commit.bytes as usize;
        !record.commit().is_some_and(later)
    })
}
