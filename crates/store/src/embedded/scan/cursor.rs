//! Walking several lists at once in the order of answers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::lists::List;
use crate::embedded::run::{Order, Row};
use crate::embedded::state::State;

/// A merge of lists; an event that is in several of them comes once.
pub struct Cursor {
    lists: Vec<List>,
    heap: BinaryHeap<Reverse<(Order, u32)>>,
    last: Option<u64>,
}

impl Cursor {
    /// A merge of these lists.
    pub fn new(state: &State, lists: Vec<List>) -> Self {
        let mut cursor = Self {
            heap: BinaryHeap::with_capacity(lists.len()),
            lists,
            last: None,
        };
        let heads = (0u32..)
            .zip(&cursor.lists)
            .filter_map(|(at, list)| Some(Reverse((head(state, list)?.order(), at))));
        cursor.heap = heads.collect();
        cursor
    }

    /// The next row.
    pub fn next<'a>(&mut self, state: &'a State) -> Option<&'a Row> {
        loop {
            let mut top = self.heap.peek_mut()?;
            let at = top.0.1;
            let list = self.lists.get_mut(at as usize)?;
            let row = head(state, list)?;
            list.skip();
            match head(state, list) {
                Some(next) => *top = Reverse((next.order(), at)),
                None => drop(PeekMut::pop(top)),
            }
            if self.last != Some(row.number) {
                self.last = Some(row.number);
                return Some(row);
            }
        }
    }
}

fn head<'a>(state: &'a State, list: &List) -> Option<&'a Row> {
    state
        .runs
        .get(list.run as usize)?
        .run
        .row(list.rank(state)?)
}
