//! Answering one filter, match by match, within its limit.

use std::collections::VecDeque;

use bytes::Bytes;
use stentor_event::{EventId, EventView, Filter, Kind, Timestamp, Viewer};

use super::Window;
use super::cursor::Cursor;
use super::plan::{Checks, plan, turn};
use crate::embedded::core::Core;
use crate::embedded::run::{EXPIRES, Order, Row, leading};
use crate::embedded::state::Snapshot;
use crate::{Direction, FilterEnd, FilterPlan};

/// A match.
#[derive(Debug, Clone)]
pub struct Match {
    /// Its place in the answer, and its number.
    pub order: Order,
    /// Its kind.
    pub kind: u16,
    /// The canonical JSON.
    pub json: Bytes,
}

/// What came of a step.
pub enum Step {
    /// A match.
    Match(Match),
    /// Nothing follows.
    End(FilterEnd),
    /// The rows allowed for this slice are used up.
    Pause,
}

/// What limits the matches.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// Nothing.
    None,
    /// The filter's own limit: exactly so many.
    Own(u64),
    /// The relay's cap: ends on a whole second (R1.8).
    Cap(u64),
}

/// What a scan works with, the same for all its filters.
pub struct Context<'a> {
    /// The shared parts of the store.
    pub core: &'a Core,
    /// The store as of the scan's beginning.
    pub snapshot: &'a Snapshot,
    /// The moment for which expiration is judged.
    pub now: Timestamp,
    /// Who reads.
    pub viewer: &'a Viewer,
}

/// See the module.
pub struct FilterScan {
    filter: Filter,
    window: Window,
    source: Source,
    checks: Checks,
    limit: Limit,
    taken: u64,
    /// Matches of the second that may turn out to be cut.
    held: Vec<Match>,
    /// Matches to be handed out.
    ready: VecDeque<Match>,
    /// Matches left out by the cap.
    left_out: VecDeque<Match>,
    /// The plan, with what it has cost.
    pub description: FilterPlan,
}

enum Source {
    /// Events asked for by id.
    Rows(std::vec::IntoIter<Row>),
    /// Everything else.
    Cursor(Cursor),
    /// Rows of which only some match; see [`plan`](super::plan()).
    Walk {
        cursor: Cursor,
        patience: u64,
        last: Order,
    },
}

impl FilterScan {
    /// Begins to answer a filter, newest events first. `cap` 0: none.
    pub fn new(core: &Core, snapshot: &Snapshot, filter: &Filter, before: u64, cap: u64) -> Self {
        Self::directed(core, snapshot, filter, Window::of(filter, before), cap)
    }

    /// Begins to answer a filter within a window, from its end that comes first. `cap` 0: none; with another, newest
    /// events come first.
    pub fn directed(
        core: &Core,
        snapshot: &Snapshot,
        filter: &Filter,
        window: Window,
        cap: u64,
    ) -> Self {
        let limit = match filter.limit {
            Some(own) if cap == 0 || own <= cap => Limit::Own(own),
            _ if cap == 0 => Limit::None,
            _ => Limit::Cap(cap),
        };
        let (source, checks, description) = if filter.matches_nothing() || window.is_empty() {
            (
                Source::Rows(Vec::new().into_iter()),
                Checks::default(),
                described("none", "matches nothing", 0),
            )
        } else if let Some(ids) = &filter.ids {
            let mut rows = rows_by_id(core, snapshot, ids);
            if window.direction == Direction::OldestFirst {
                rows.reverse();
            }
            let description = described("id", "ids are given", rows.len());
            (
                Source::Rows(rows.into_iter()),
                Checks::of_events(),
                description,
            )
        } else {
            let plan = plan(core, snapshot, filter, &window);
            let cursor = Cursor::directed(&snapshot.state, plan.lists, window.direction);
            let source = match plan.patience {
                None => Source::Cursor(cursor),
                Some(patience) => Source::Walk {
                    cursor,
                    patience,
                    last: Order::FIRST,
                },
            };
            (source, plan.checks, plan.description)
        };
        Self {
            filter: filter.clone(),
            window,
            source,
            checks,
            limit,
            taken: 0,
            held: Vec::new(),
            ready: VecDeque::new(),
            left_out: VecDeque::new(),
            description,
        }
    }

    /// The next match within the limit. Takes what it costs from `rows`.
    pub fn step(&mut self, context: &Context<'_>, rows: &mut u64) -> Step {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Step::Match(found);
            }
            if let Some(end) = self.description.end {
                return Step::End(end);
            }
            if matches!(self.limit, Limit::Own(limit) if self.taken >= limit) {
                self.description.end = Some(FilterEnd::Cut);
                continue;
            }
            let found = match self.next_match(context, rows) {
                Step::Match(found) => found,
                Step::Pause => return Step::Pause,
                Step::End(end) => {
                    self.ready.extend(self.held.drain(..));
                    self.description.end = Some(end);
                    continue;
                }
            };
            match self.limit {
                Limit::Cap(cap) => self.hold(found, cap),
                _ => {
                    self.taken += 1;
                    return Step::Match(found);
                }
            }
        }
    }

    /// After the end: the next match that the limit has cut off.
    pub fn beyond(&mut self, context: &Context<'_>, rows: &mut u64) -> Step {
        match self.left_out.pop_front() {
            Some(found) => Step::Match(found),
            None => self.next_match(context, rows),
        }
    }

    /// Keeps a match back until it is known that its second fits under the cap.
    fn hold(&mut self, found: Match, cap: u64) {
        let same_second = self
            .held
            .first()
            .is_none_or(|held| held.order.created_at == found.order.created_at);
        if !same_second {
            self.taken += self.held.len() as u64;
            self.ready.extend(self.held.drain(..));
        }
        self.held.push(found);
        if self.taken + self.held.len() as u64 <= cap {
            return;
        }
        let fit = if self.taken == 0 { cap as usize } else { 0 };
        self.left_out
            .extend(self.held.drain(fit.min(self.held.len())..));
        self.ready.extend(self.held.drain(..));
        self.description.end = Some(FilterEnd::Cut);
    }

    /// The next visible match, whatever the limit.
    fn next_match(&mut self, context: &Context<'_>, rows: &mut u64) -> Step {
        loop {
            if *rows == 0 {
                return Step::Pause;
            }
            if let Source::Walk {
                patience: 0, last, ..
            } = self.source
            {
                self.turn(context, last);
            }
            let state = &context.snapshot.state;
            let row = match &mut self.source {
                Source::Rows(rows) => rows.next(),
                Source::Cursor(cursor) => cursor.next(state).copied(),
                Source::Walk {
                    cursor,
                    patience,
                    last,
                } => {
                    let row = cursor.next(state).copied();
                    *patience = patience.saturating_sub(1);
                    *last = row.map_or(*last, |row| row.order());
                    row
                }
            };
            let Some(row) = row else {
                return Step::End(FilterEnd::Finished);
            };
            *rows -= 1;
            self.description.rows += 1;
            if row.number < self.window.before
                && self.checks.pass(&row)
                && let Some(json) = context.snapshot.event(context.core, row.number)
                && self.admits(&row, &json, context)
            {
                return Step::Match(Match {
                    order: row.order(),
                    kind: row.kind,
                    json,
                });
            }
        }
    }

    /// Goes by the authors' lists, from what follows this row on.
    fn turn(&mut self, context: &Context<'_>, last: Order) {
        self.window.after = (last != Order::FIRST).then_some(last);
        let plan = turn(context.core, context.snapshot, &self.filter, &self.window);
        let state = &context.snapshot.state;
        let cursor = Cursor::directed(state, plan.lists, self.window.direction);
        self.source = Source::Cursor(cursor);
        self.checks = plan.checks;
        let description = &mut self.description;
        description.reason = format!(
            "{}; after {} rows: {}",
            description.reason, description.rows, plan.description.reason
        );
        description.index = plan.description.index;
        description.cursors = plan.description.cursors;
    }

    /// What has to be judged on the event itself.
    fn admits(&self, row: &Row, json: &Bytes, context: &Context<'_>) -> bool {
        let viewer = context.viewer;
        let open = viewer.is_operator() || viewer.rules.is_open(Kind(row.kind));
        let expires = row.flags & EXPIRES != 0;
        if open && !expires && !self.checks.event {
            return true;
        }
        let Ok(event) = EventView::from_canonical(json) else {
            return false;
        };
        (!self.checks.event || self.filter.matches(&event))
            && (!expires || event.expiration().is_none_or(|at| at > context.now))
            && stentor_event::visible(&event, viewer, &self.filter)
    }
}

fn described(index: &str, reason: &str, estimate: usize) -> FilterPlan {
    FilterPlan {
        index: index.to_owned(),
        reason: reason.to_owned(),
        cursors: 1,
        estimate: estimate as u64,
        rows: 0,
        end: None,
    }
}

/// The rows of the events with the ids that are asked for, in the order of answers.
fn rows_by_id(core: &Core, snapshot: &Snapshot, ids: &[EventId]) -> Vec<Row> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let bits = leading(&id.0);
        let runs = snapshot.state.runs.iter().rev();
        let mut like_it = runs.flat_map(|placed| {
            let ranks = placed.run.ranks_of_id(bits).iter();
            ranks.filter_map(|rank| placed.run.row(*rank))
        });
        // An index knows 64 bits of an id, and ids that share them can be made.
        rows.extend(like_it.find(|row| {
            let json = snapshot.event(core, row.number);
            json.is_some_and(|json| EventView::from_canonical(&json).is_ok_and(|e| e.id() == *id))
        }));
    }
    rows.sort_unstable_by_key(Row::order);
    rows.dedup_by_key(|row| row.number);
    rows
}
