//! The union of a query's filters.

use std::sync::Arc;

use hashbrown::HashSet;
use stentor_event::Viewer;

use super::filter_scan::{Context, FilterScan, Match, Step};
use crate::embedded::core::Core;
use crate::embedded::state::Snapshot;
use crate::query::BoxFuture;
use crate::{
    Batch, Budget, EventNumber, Explanation, FilterEnd, Query, Scan, ScanEnd, StoreError,
    StoredEvent,
};

/// A scan over some filters: their matches merged, each once.
pub struct UnionScan {
    core: Arc<Core>,
    snapshot: Snapshot,
    query: Query,
    parts: Vec<Part>,
    /// Numbers returned so far, kept where a match can belong to several filters.
    returned: HashSet<u64>,
    rows: u64,
    count: u64,
    last: Option<u64>,
}

struct Part {
    scan: FilterScan,
    head: Head,
}

enum Head {
    /// Not asked yet.
    Unknown,
    /// The next match.
    Match(Match),
    /// Nothing follows; if it was cut, whether something is left beyond is not known yet.
    End(FilterEnd),
}

impl UnionScan {
    /// Begins a scan.
    pub fn new(core: Arc<Core>, query: Query) -> Self {
        let snapshot = core.snapshot();
        let before = query
            .before
            .map_or(snapshot.state.end.next_number, |before| before.0);
        let cap = query.limits.cap;
        let part = |filter| Part {
            scan: FilterScan::new(&core, &snapshot, filter, before, cap),
            head: Head::Unknown,
        };
        let parts = query.filters.iter().map(part).collect();
        Self {
            core,
            snapshot,
            query,
            parts,
            returned: HashSet::new(),
            rows: 0,
            count: 0,
            last: None,
        }
    }

    /// One slice.
    pub fn slice(&mut self, viewer: &Viewer, budget: Budget) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        let most = self.query.limits.rows;
        // One row more than what is left shows that it does not suffice.
        let left = if most == 0 {
            u64::MAX
        } else {
            most.saturating_sub(self.rows) + 1
        };
        let allowed = budget.rows.max(1).min(left);
        let mut rows = allowed;
        while batch.events.len() < budget.events.max(1) && bytes < budget.bytes.max(1) {
            match self.next(viewer, &mut rows) {
                Next::Match(found) => {
                    bytes += found.json.len();
                    batch.events.push(StoredEvent {
                        number: EventNumber(found.order.number),
                        json: found.json,
                    });
                }
                Next::End(end) => {
                    batch.end = Some(end);
                    break;
                }
                Next::Pause => break,
            }
        }
        batch.rows = allowed - rows;
        self.rows += batch.rows;
        self.count += batch.events.len() as u64;
        if most > 0 && self.rows > most && batch.end.is_none() {
            return Err(StoreError::TooExpensive {
                spent: self.rows,
                allowed: most,
            });
        }
        Ok(batch)
    }

    fn next(&mut self, viewer: &Viewer, rows: &mut u64) -> Next {
        loop {
            if !self.fill_heads(viewer, rows) {
                return Next::Pause;
            }
            let Some(part) = self.first_part() else {
                return self.conclude(viewer, rows);
            };
            let Head::Match(found) = std::mem::replace(&mut part.head, Head::Unknown) else {
                continue;
            };
            let number = found.order.number;
            // The same event of several filters has the same place, so it comes in succession.
            if self.last == Some(number) {
                continue;
            }
            // It may have been found in an earlier slice, and have left since.
            if !self.snapshot.is_there(number) {
                continue;
            }
            self.last = Some(number);
            if self.parts.len() > 1 {
                self.returned.insert(number);
            }
            return Next::Match(found);
        }
    }

    /// Asks the filters whose next match is not known. `false`: the rows are used up.
    fn fill_heads(&mut self, viewer: &Viewer, rows: &mut u64) -> bool {
        let context = Context {
            core: &self.core,
            snapshot: &self.snapshot,
            now: self.query.now,
            viewer,
        };
        for part in &mut self.parts {
            if matches!(part.head, Head::Unknown) {
                part.head = match part.scan.step(&context, rows) {
                    Step::Match(found) => Head::Match(found),
                    Step::End(end) => Head::End(end),
                    Step::Pause => return false,
                };
            }
        }
        true
    }

    fn first_part(&mut self) -> Option<&mut Part> {
        let order = |part: &Part| match &part.head {
            Head::Match(found) => Some(found.order),
            _ => None,
        };
        let first = self
            .parts
            .iter()
            .enumerate()
            .filter_map(|(at, part)| Some((order(part)?, at)))
            .min()?;
        self.parts.get_mut(first.1)
    }

    /// All filters have ended: is there a match beyond their limits that has not been returned?
    fn conclude(&mut self, viewer: &Viewer, rows: &mut u64) -> Next {
        let context = Context {
            core: &self.core,
            snapshot: &self.snapshot,
            now: self.query.now,
            viewer,
        };
        for part in &mut self.parts {
            while matches!(part.head, Head::End(FilterEnd::Cut)) {
                match part.scan.beyond(&context, rows) {
                    Step::Match(found)
                        if self.returned.contains(&found.order.number)
                            || !self.snapshot.is_there(found.order.number) => {}
                    Step::Match(_) => return Next::End(ScanEnd::More),
                    Step::End(_) => part.head = Head::End(FilterEnd::Finished),
                    Step::Pause => return Next::Pause,
                }
            }
        }
        Next::End(ScanEnd::Finished)
    }
}

enum Next {
    Match(Match),
    End(ScanEnd),
    Pause,
}

impl Scan for UnionScan {
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<Batch, StoreError>> {
        let batch = self.slice(viewer, budget);
        Box::pin(std::future::ready(batch))
    }

    fn explain(&self) -> Explanation {
        Explanation {
            filters: self
                .parts
                .iter()
                .map(|part| part.scan.description.clone())
                .collect(),
            rows: self.rows,
            returned: self.count,
        }
    }
}
