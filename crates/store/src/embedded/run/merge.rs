//! Merging neighbouring runs into one, leaving out what is gone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use memmap2::MmapMut;

use super::image::{Draft, Image, Sections, Sizes};
use super::{Row, Run};

/// Marks a row that is not taken over.
const GONE: u32 = u32::MAX;

/// Where the merged run is made.
pub enum MergeTarget {
    /// In memory.
    Heap,
    /// In a new, mapped file of [`merged_length`] bytes.
    File(MmapMut),
}

/// Merges runs that cover neighbouring numbers. `alive` tells whether an event is still in the store.
pub fn merge(
    runs: &[&Run],
    target: MergeTarget,
    alive: impl Fn(u64) -> bool,
) -> std::io::Result<Image> {
    let numbers = span(runs);
    let room = room(runs);
    let mut draft = match target {
        MergeTarget::Heap => Draft::on_heap(room, numbers),
        MergeTarget::File(map) => Draft::on_file(map, room, numbers),
    };
    let mut to = draft.sections();
    let (ranks, rows) = merge_rows(runs, &mut to, &alive);
    merge_ids(runs, &ranks, &mut to);
    let (keys, postings) = merge_postings(runs, &ranks, &mut to);
    let expiries = merge_expiries(runs, &mut to, &alive);
    draft.finish(Sizes {
        rows,
        keys,
        postings,
        expiries,
    })
}

/// Bytes that the merged run of these may take.
pub fn merged_length(runs: &[&Run]) -> usize {
    Draft::bytes_for(&room(runs))
}

fn room(runs: &[&Run]) -> Sizes {
    Sizes {
        rows: sum(runs, |image| image.rows().len()),
        keys: sum(runs, |image| image.keys().len()),
        postings: sum(runs, |image| image.postings().len()),
        expiries: sum(runs, |image| image.expiries().len()),
    }
}

fn sum(runs: &[&Run], part: impl Fn(&Image) -> usize) -> u64 {
    runs.iter().map(|run| part(run.image()) as u64).sum()
}

fn span(runs: &[&Run]) -> Range<u64> {
    let first = runs
        .iter()
        .map(|run| run.numbers().start)
        .min()
        .unwrap_or(0);
    let end = runs.iter().map(|run| run.numbers().end).max().unwrap_or(0);
    first..end
}

/// For each run, the new rank of each of its rows.
type Ranks = Vec<Vec<u32>>;

fn merge_rows(runs: &[&Run], to: &mut Sections<'_>, alive: impl Fn(u64) -> bool) -> (Ranks, u64) {
    let mut ranks: Ranks = runs.iter().map(|run| vec![GONE; run.len()]).collect();
    let mut next = 0u32;
    let lists = runs.iter().map(|run| run.image().rows());
    merge_sorted(lists.collect(), Row::order, |run, rank, row| {
        if !alive(row.number) {
            return;
        }
        if let (Some(place), Some(new)) = (
            to.rows.get_mut(next as usize),
            ranks.get_mut(run).and_then(|r| r.get_mut(rank)),
        ) {
            (*place, *new) = (*row, next);
            next += 1;
        }
    });
    (ranks, u64::from(next))
}

fn merge_ids(runs: &[&Run], ranks: &Ranks, to: &mut Sections<'_>) {
    let mut places = to.ids.iter_mut().zip(to.id_ranks.iter_mut());
    let lists = runs.iter().map(|run| run.image().ids());
    merge_sorted(
        lists.collect(),
        |id| *id,
        |run, at, id| {
            let old = runs.get(run).and_then(|run| run.image().id_ranks().get(at));
            let new = old
                .and_then(|old| ranks.get(run)?.get(*old as usize))
                .copied()
                .unwrap_or(GONE);
            if new != GONE
                && let Some((to_id, to_rank)) = places.next()
            {
                (*to_id, *to_rank) = (*id, new);
            }
        },
    );
}

/// Returns how many keys and postings were written.
fn merge_postings(runs: &[&Run], ranks: &Ranks, to: &mut Sections<'_>) -> (u64, u64) {
    let mut output = Postings {
        keys: 0,
        held: 0,
        group_start: 0,
        current: None,
    };
    let lists = runs.iter().map(|run| run.image().keys());
    merge_sorted(
        lists.collect(),
        |key| *key,
        |run, at, key| {
            if output.current != Some(*key) {
                output.close_group(to);
                output.current = Some(*key);
            }
            let (Some(run), Some(ranks)) = (runs.get(run), ranks.get(run)) else {
                return;
            };
            let starts = run.image().starts();
            let (Some(start), Some(end)) = (starts.get(at), starts.get(at + 1)) else {
                return;
            };
            for old in run
                .image()
                .postings()
                .get(*start as usize..*end as usize)
                .unwrap_or_default()
            {
                let new = ranks.get(*old as usize).copied().unwrap_or(GONE);
                if new != GONE
                    && let Some(place) = to.postings.get_mut(output.held)
                {
                    *place = new;
                    output.held += 1;
                }
            }
        },
    );
    output.close_group(to);
    if let Some(end) = to.starts.get_mut(output.keys) {
        *end = output.held as u32;
    }
    (output.keys as u64, output.held as u64)
}

struct Postings {
    keys: usize,
    held: usize,
    group_start: usize,
    current: Option<u128>,
}

impl Postings {
    /// Ends the group of the current key: its ranks come from several runs and are put in order.
    fn close_group(&mut self, to: &mut Sections<'_>) {
        let Some(key) = self.current.take() else {
            return;
        };
        let start = self.group_start;
        self.group_start = self.held;
        if start == self.held {
            return;
        }
        if let Some(group) = to.postings.get_mut(start..self.held) {
            // Ascending parts behind each other: the merge sort of the standard library finds these runs.
            group.sort();
        }
        if let (Some(to_key), Some(to_start)) =
            (to.keys.get_mut(self.keys), to.starts.get_mut(self.keys))
        {
            (*to_key, *to_start) = (key, start as u32);
            self.keys += 1;
        }
    }
}

fn merge_expiries(runs: &[&Run], to: &mut Sections<'_>, alive: impl Fn(u64) -> bool) -> u64 {
    let mut held = 0;
    let lists = runs.iter().map(|run| run.image().expiries());
    merge_sorted(
        lists.collect(),
        |expiry| *expiry,
        |_, _, [at, number]| {
            if alive(*number)
                && let Some(place) = to.expiries.get_mut(held)
            {
                *place = [*at, *number];
                held += 1;
            }
        },
    );
    held as u64
}

/// Visits the elements of sorted lists in the order of `key`; equal ones in the order of the lists.
fn merge_sorted<T, K: Ord>(
    lists: Vec<&[T]>,
    key: impl Fn(&T) -> K,
    mut visit: impl FnMut(usize, usize, &T),
) {
    let mut heap = BinaryHeap::with_capacity(lists.len());
    for (list, elements) in lists.iter().enumerate() {
        heap.extend(
            elements
                .first()
                .map(|element| Reverse((key(element), list, 0usize))),
        );
    }
    while let Some(mut top) = heap.peek_mut() {
        let Reverse((_, list, at)) = &*top;
        let (list, at) = (*list, *at);
        let Some(elements) = lists.get(list) else {
            return;
        };
        if let Some(element) = elements.get(at) {
            visit(list, at, element);
        }
        match elements.get(at + 1) {
            Some(next) => *top = Reverse((key(next), list, at + 1)),
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
    }
}
