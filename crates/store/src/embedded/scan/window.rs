//! The part of each run that a filter's time bounds leave.

use stentor_event::Filter;

use crate::Direction;
use crate::embedded::run::{Order, Run};

/// Bounds on what a filter looks at.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Earliest `created_at`, inclusive.
    pub since: u64,
    /// Latest `created_at`, inclusive.
    pub until: u64,
    /// Event numbers from here on are left out.
    pub before: u64,
    /// What does not come after this place is left out.
    pub after: Option<Order>,
    /// Which end comes first.
    pub direction: Direction,
}

impl Window {
    /// Of a filter, as of the moment when `before` was the next event number.
    pub fn of(filter: &Filter, before: u64) -> Self {
        let since = filter.since.map_or(0, |since| since.0);
        let until = filter.until.map_or(u64::MAX, |until| until.0);
        Self {
            since,
            until,
            before,
            after: None,
            direction: Direction::NewestFirst,
        }
    }

    /// Whether it leaves nothing.
    pub fn is_empty(&self) -> bool {
        self.since > self.until
    }

    /// The ranks of a run in it, from the newest: start and end.
    pub fn ranks(&self, run: &Run) -> (u32, u32) {
        if run.numbers().start >= self.before {
            return (0, 0);
        }
        let first_of = |created_at| {
            run.rank_at(Order {
                created_at,
                id: 0,
                number: 0,
            })
        };
        let (after, before) = match self.direction {
            Direction::NewestFirst => (self.after, None),
            Direction::OldestFirst => (None, self.after),
        };
        let start = match after {
            Some(after) => run.rank_at(Order {
                number: after.number.saturating_add(1),
                ..after
            }),
            None if self.until == u64::MAX => 0,
            None => first_of(self.until),
        };
        let end = match (before, self.since.checked_sub(1)) {
            (Some(before), _) => run.rank_at(before),
            (None, None) => run.len() as u32,
            (None, Some(below)) => first_of(below),
        };
        (start, end)
    }
}
