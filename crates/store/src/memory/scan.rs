//! A scan in slices.
//!
//! Every slice computes the whole answer anew, for the viewer as it is now, over the events that were there when the scan
//! began and still are or have been returned by it, and goes on after the last row it looked at.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use stentor_event::Viewer;

use super::answer::{Answer, Place, answer, place};
use super::state::{Row, State};
use crate::query::BoxFuture;
use crate::{
    Batch, Budget, EventNumber, Explanation, FilterEnd, FilterPlan, Query, Scan, ScanEnd,
    StoreError, StoredEvent,
};

/// See the module.
pub struct MemoryScan {
    state: Arc<Mutex<State>>,
    query: Query,
    /// The first event number that did not exist when the scan began.
    begin: EventNumber,
    returned: HashSet<EventNumber>,
    reached: Option<Place>,
    rows: u64,
    end: Option<ScanEnd>,
}

impl MemoryScan {
    /// A scan over the events below `begin`.
    pub fn new(state: Arc<Mutex<State>>, query: Query, begin: EventNumber) -> Self {
        Self {
            state,
            query,
            begin,
            returned: HashSet::new(),
            reached: None,
            rows: 0,
            end: None,
        }
    }

    fn slice(&mut self, viewer: &Viewer, budget: Budget) -> Result<Batch, StoreError> {
        let shared = Arc::clone(&self.state);
        let state = shared.lock();
        let there = |row: &Row| {
            row.number < self.begin && (row.gone.is_none() || self.returned.contains(&row.number))
        };
        let answer = answer(&state, &self.query, viewer, there);
        let mut batch = Batch::default();
        let mut bytes = 0;
        for row in self.ahead(&state, &answer) {
            let full = batch.rows >= budget.rows
                || batch.events.len() >= budget.events
                || bytes >= budget.bytes;
            if full && batch.rows > 0 {
                return Ok(batch);
            }
            self.spend()?;
            batch.rows += 1;
            bytes += row.event.json().len();
            self.reached = Some(place(row));
            self.returned.insert(row.number);
            batch.events.push(StoredEvent {
                number: row.number,
                json: row.event.json().clone(),
            });
        }
        let end = if answer.more {
            ScanEnd::More
        } else {
            ScanEnd::Finished
        };
        self.end = Some(end);
        batch.end = Some(end);
        Ok(batch)
    }

    /// The rows of the answer that have not been reached yet, in order.
    fn ahead<'s>(&self, state: &'s State, answer: &Answer) -> Vec<&'s Row> {
        let begin = self.begin;
        let rows = state
            .stored()
            .filter(|row| row.number < begin && Some(place(row)) > self.reached);
        let mut ahead: Vec<&Row> = rows
            .filter(|row| answer.places.contains(&place(row)))
            .collect();
        ahead.sort_by_key(|row| place(row));
        ahead
    }

    fn spend(&mut self) -> Result<(), StoreError> {
        self.rows += 1;
        let allowed = self.query.limits.rows;
        if allowed != 0 && self.rows > allowed {
            return Err(StoreError::TooExpensive {
                spent: self.rows,
                allowed,
            });
        }
        Ok(())
    }
}

impl Scan for MemoryScan {
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<Batch, StoreError>> {
        Box::pin(async move { self.slice(viewer, budget) })
    }

    fn explain(&self) -> Explanation {
        let end = self.end.map(|end| match end {
            ScanEnd::Finished => FilterEnd::Finished,
            ScanEnd::More => FilterEnd::Cut,
        });
        let mut explanation = explain(&self.query);
        explanation.rows = self.rows;
        explanation.returned = self.returned.len() as u64;
        explanation
            .filters
            .iter_mut()
            .for_each(|plan| plan.end = end);
        explanation
    }
}

/// There is but one plan.
pub fn explain(query: &Query) -> Explanation {
    let plan = |_| FilterPlan {
        index: "none".to_owned(),
        reason: "the model looks at every event".to_owned(),
        cursors: 1,
        estimate: 0,
        rows: 0,
        end: None,
    };
    Explanation {
        filters: query.filters.iter().map(plan).collect(),
        ..Explanation::default()
    }
}
