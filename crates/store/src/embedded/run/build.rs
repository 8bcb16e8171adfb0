//! Making a run from events.

use std::ops::Range;

use super::Row;
use super::image::{Draft, Image, Sizes};
use crate::embedded::key::{Key, Keys};

/// What an event contributes to a run.
pub struct Entry {
    /// Its row.
    pub row: Row,
    /// What it can be found under, each once.
    pub keys: Keys,
    /// When it expires, in seconds since 1970.
    pub expires: Option<u64>,
}

/// A run in memory of these events, which cover these numbers.
pub fn build(mut entries: Vec<Entry>, numbers: Range<u64>) -> std::io::Result<Image> {
    entries.sort_unstable_by_key(|entry| entry.row.order());
    let mut postings: Vec<(Key, u32)> =
        Vec::with_capacity(entries.iter().map(|e| e.keys.len()).sum());
    for (rank, entry) in (0u32..).zip(&entries) {
        postings.extend(entry.keys.iter().map(|key| (*key, rank)));
    }
    postings.sort_unstable();
    let keys = postings.chunk_by(|a, b| a.0 == b.0).count();
    let sizes = Sizes {
        rows: entries.len() as u64,
        keys: keys as u64,
        postings: postings.len() as u64,
        expiries: entries.iter().filter(|e| e.expires.is_some()).count() as u64,
    };
    let mut draft = Draft::on_heap(sizes, numbers);
    fill(&mut draft, &entries, &postings);
    draft.finish(sizes)
}

fn fill(draft: &mut Draft, entries: &[Entry], postings: &[(Key, u32)]) {
    let to = draft.sections();
    let mut ids: Vec<(u64, u32)> = Vec::with_capacity(entries.len());
    let mut expiries: Vec<[u64; 2]> = Vec::new();
    for ((rank, entry), row) in (0u32..).zip(entries).zip(to.rows) {
        *row = entry.row;
        ids.push((entry.row.id, rank));
        expiries.extend(entry.expires.map(|at| [at, entry.row.number]));
    }
    ids.sort_unstable();
    expiries.sort_unstable();
    for ((id, rank), (to_id, to_rank)) in ids.iter().zip(to.ids.iter_mut().zip(to.id_ranks)) {
        (*to_id, *to_rank) = (*id, *rank);
    }
    to.expiries.copy_from_slice(&expiries);
    let mut starts = to.starts.iter_mut();
    let mut at = 0u32;
    for (group, key) in postings.chunk_by(|a, b| a.0 == b.0).zip(to.keys) {
        *key = group.first().map_or(0, |(key, _)| key.0);
        if let Some(start) = starts.next() {
            *start = at;
        }
        at += group.len() as u32;
    }
    if let Some(end) = starts.next() {
        *end = at;
    }
    for ((_, rank), to) in postings.iter().zip(to.postings) {
        *to = *rank;
    }
}
