//! Outlines in slices.
//!
//! Every slice computes all matches anew, for the viewer as it is now, over the events that were there when it began and
//! still are or have been returned by it, and goes on after the last one it looked at.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use stentor_event::Viewer;

use super::answer::{Place, is_match, place};
use super::scan::explain;
use super::state::{Row, State};
use crate::query::BoxFuture;
use crate::{
    Budget, Direction, EventNumber, Explanation, Outline, OutlineBatch, OutlineQuery, OutlineScan,
    Query, ScanLimits, StoreError,
};

/// See the module.
pub struct MemoryOutlines {
    state: Arc<Mutex<State>>,
    query: Query,
    direction: Direction,
    /// The first event number that did not exist when it began.
    begin: EventNumber,
    returned: HashSet<EventNumber>,
    reached: Option<Place>,
    rows: u64,
}

impl MemoryOutlines {
    /// Outlines of the events below `begin`.
    pub fn new(state: Arc<Mutex<State>>, query: &OutlineQuery, begin: EventNumber) -> Self {
        let limits = ScanLimits {
            cap: 0,
            rows: query.rows,
        };
        Self {
            state,
            query: Query {
                filters: [query.filter.clone()].into(),
                now: query.now,
                before: Some(begin),
                limits,
            },
            direction: query.direction,
            begin,
            returned: HashSet::new(),
            reached: None,
            rows: 0,
        }
    }

    fn slice(&mut self, viewer: &Viewer, budget: Budget) -> Result<OutlineBatch, StoreError> {
        let shared = Arc::clone(&self.state);
        let state = shared.lock();
        let mut batch = OutlineBatch::default();
        for row in self.ahead(&state, viewer) {
            let full = batch.rows >= budget.rows || batch.outlines.len() >= budget.events;
            if full && batch.rows > 0 {
                return Ok(batch);
            }
            self.rows += 1;
            let allowed = self.query.limits.rows;
            if allowed != 0 && self.rows > allowed {
                return Err(StoreError::TooExpensive {
                    spent: self.rows,
                    allowed,
                });
            }
            batch.rows += 1;
            self.reached = Some(place(row));
            self.returned.insert(row.number);
            batch.outlines.push(outline(row));
        }
        batch.end = true;
        Ok(batch)
    }

    /// The matches within the limit that have not been reached yet, in order.
    fn ahead<'s>(&self, state: &'s State, viewer: &Viewer) -> Vec<&'s Row> {
        let Some(filter) = self.query.filters.first() else {
            return Vec::new();
        };
        let there = |row: &&Row| {
            row.number < self.begin && (row.gone.is_none() || self.returned.contains(&row.number))
        };
        let matching = state.rows.iter().filter(there);
        let mut rows: Vec<&Row> = matching
            .filter(|row| is_match(row, &self.query, filter, viewer))
            .collect();
        rows.sort_by_key(|row| place(row));
        if self.direction == Direction::OldestFirst {
            rows.reverse();
        }
        let limit = filter.limit.unwrap_or(u64::MAX);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        rows.retain(|row| {
            self.reached.is_none_or(|reached| match self.direction {
                Direction::NewestFirst => place(row) > reached,
                Direction::OldestFirst => place(row) < reached,
            })
        });
        rows
    }
}

fn outline(row: &Row) -> Outline {
    Outline {
        number: row.number,
        created_at: row.facts.created_at,
        id: row.facts.id,
        author: row.facts.author,
        kind: row.facts.kind,
        bytes: u32::try_from(row.event.json().len()).unwrap_or(u32::MAX),
    }
}

impl OutlineScan for MemoryOutlines {
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<OutlineBatch, StoreError>> {
        Box::pin(async move { self.slice(viewer, budget) })
    }

    fn explain(&self) -> Explanation {
        let mut explanation = explain(&self.query);
        explanation.rows = self.rows;
        explanation.returned = self.returned.len() as u64;
        explanation
    }
}
