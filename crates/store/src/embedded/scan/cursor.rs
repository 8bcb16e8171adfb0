//! Walking several lists at once in the order of answers, or in its reverse.
//!
//! Within a run, the order of answers is that of the ranks, so lists of one run are merged by these, without a look at
//! the rows; only the first row of each run is compared with that of the others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::lists::List;
use crate::Direction;
use crate::embedded::run::{Order, Row};
use crate::embedded::state::State;

/// A merge of lists; an event that is in several of them comes once.
pub struct Cursor {
    parts: Vec<Part>,
    direction: Direction,
}

/// The lists of one run.
struct Part {
    run: usize,
    lists: Vec<List>,
    /// The next rank of each list as [`keyed`], and the list.
    heap: BinaryHeap<Reverse<(u32, u32)>>,
    /// The place of the next row of all.
    head: Order,
    direction: Direction,
}

/// A rank such that the next one is the lowest. Its own inverse.
const fn keyed(rank: u32, direction: Direction) -> u32 {
    match direction {
        Direction::NewestFirst => rank,
        Direction::OldestFirst => !rank,
    }
}

impl Cursor {
    /// A merge of these lists, newest rows first. Those of the same run must stand together.
    pub fn new(state: &State, lists: Vec<List>) -> Self {
        Self::directed(state, lists, Direction::NewestFirst)
    }

    /// A merge of these lists from this end. Those of the same run must stand together.
    pub fn directed(state: &State, lists: Vec<List>, direction: Direction) -> Self {
        let mut parts = Vec::new();
        let mut lists = lists.into_iter().peekable();
        while let Some(first) = lists.next() {
            let run = first.run;
            let mut of_run = vec![first];
            of_run.extend(std::iter::from_fn(|| lists.next_if(|list| list.run == run)));
            parts.extend(Part::new(state, run as usize, of_run, direction));
        }
        Self { parts, direction }
    }

    /// The next row.
    pub fn next<'a>(&mut self, state: &'a State) -> Option<&'a Row> {
        let heads = self.parts.iter().enumerate();
        let (at, _) = match self.direction {
            Direction::NewestFirst => heads.min_by_key(|(_, part)| part.head)?,
            Direction::OldestFirst => heads.max_by_key(|(_, part)| part.head)?,
        };
        let part = self.parts.get_mut(at)?;
        let rank = part.pop(state)?;
        let row = state.runs.get(part.run)?.run.row(rank);
        match part.first(state) {
            Some(head) => part.head = head,
            None => drop(self.parts.swap_remove(at)),
        }
        row
    }
}

impl Part {
    fn new(state: &State, run: usize, lists: Vec<List>, direction: Direction) -> Option<Self> {
        let first = |(at, list): (u32, &List)| {
            let rank = list.rank(state, direction)?;
            Some(Reverse((keyed(rank, direction), at)))
        };
        let mut part = Self {
            run,
            heap: (0u32..).zip(&lists).filter_map(first).collect(),
            lists,
            head: Order::FIRST,
            direction,
        };
        part.head = part.first(state)?;
        Some(part)
    }

    /// The place of the next row.
    fn first(&self, state: &State) -> Option<Order> {
        let Reverse((key, _)) = self.heap.peek()?;
        let rank = keyed(*key, self.direction);
        Some(state.runs.get(self.run)?.run.row(rank)?.order())
    }

    /// Takes the next rank out of all lists in which it is.
    fn pop(&mut self, state: &State) -> Option<u32> {
        let Reverse((key, _)) = *self.heap.peek()?;
        while let Some(mut top) = self.heap.peek_mut()
            && top.0.0 == key
        {
            let list = self.lists.get_mut(top.0.1 as usize)?;
            list.skip(self.direction);
            match list.rank(state, self.direction) {
                Some(next) => top.0.0 = keyed(next, self.direction),
                None => drop(PeekMut::pop(top)),
            }
        }
        Some(keyed(key, self.direction))
    }
}
