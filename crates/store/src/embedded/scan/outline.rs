//! Outlines of the events that match a filter.
//!
//! A row of the index knows time and kind. Id and author are read from the first bytes of the event, which are at fixed
//! places; the event is looked at as a whole only where the row cannot tell whether it matches, is visible or has expired.

use std::sync::Arc;

use stentor_event::{EventView, Kind, Timestamp, Viewer};

use super::Window;
use super::filter_scan::{Context, FilterScan, Match, Step};
use crate::embedded::core::Core;
use crate::embedded::state::Snapshot;
use crate::query::BoxFuture;
use crate::{
    Budget, EventNumber, Explanation, Outline, OutlineBatch, OutlineQuery, OutlineScan, StoreError,
};

/// See the module.
pub struct Outlines {
    core: Arc<Core>,
    snapshot: Snapshot,
    scan: FilterScan,
    now: Timestamp,
    /// Rows allowed in all; 0: any number.
    most: u64,
    rows: u64,
    count: u64,
}

impl Outlines {
    /// Begins to gather.
    pub fn new(core: Arc<Core>, query: &OutlineQuery) -> Self {
        let snapshot = core.snapshot();
        let window = Window {
            direction: query.direction,
            ..Window::of(&query.filter, snapshot.state.end.next_number)
        };
        Self {
            scan: FilterScan::directed(&core, &snapshot, &query.filter, window, 0),
            core,
            snapshot,
            now: query.now,
            most: query.rows,
            rows: 0,
            count: 0,
        }
    }

    fn slice(&mut self, viewer: &Viewer, budget: Budget) -> Result<OutlineBatch, StoreError> {
        let context = Context {
            core: &self.core,
            snapshot: &self.snapshot,
            now: self.now,
            viewer,
        };
        // One row more than what is left shows that it does not suffice.
        let left = match self.most {
            0 => u64::MAX,
            most => most.saturating_sub(self.rows) + 1,
        };
        let allowed = budget.rows.max(1).min(left);
        let (mut rows, mut batch) = (allowed, OutlineBatch::default());
        while batch.outlines.len() < budget.events.max(1) && !batch.end {
            match self.scan.step(&context, &mut rows) {
                Step::Match(found) => batch.outlines.extend(outline(&found)),
                Step::End(_) => batch.end = true,
                Step::Pause => break,
            }
        }
        batch.rows = allowed - rows;
        self.rows += batch.rows;
        self.count += batch.outlines.len() as u64;
        if self.most > 0 && self.rows > self.most && !batch.end {
            return Err(StoreError::TooExpensive {
                spent: self.rows,
                allowed: self.most,
            });
        }
        Ok(batch)
    }
}

/// `None` for what is no event, which the log does not hold.
fn outline(found: &Match) -> Option<Outline> {
    let (id, author) = EventView::identity(&found.json)?;
    Some(Outline {
        number: EventNumber(found.order.number),
        created_at: Timestamp(found.order.created_at),
        id,
        author,
        kind: Kind(found.kind),
        bytes: u32::try_from(found.json.len()).unwrap_or(u32::MAX),
    })
}

impl OutlineScan for Outlines {
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<OutlineBatch, StoreError>> {
        let batch = self.slice(viewer, budget);
        Box::pin(std::future::ready(batch))
    }

    fn explain(&self) -> Explanation {
        Explanation {
            filters: vec![self.scan.description.clone()],
            rows: self.rows,
            returned: self.count,
        }
    }
}
