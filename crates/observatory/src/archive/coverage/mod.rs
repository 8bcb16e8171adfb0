//! What was asked of a relay by one filter, and what came of it (O3.2): a set of intervals that do not overlap. Pure.
//!
//! Setting an interval replaces what it overlaps and cuts what sticks out on either side; neighbours that say the same become one, so
//! that a relay that is complete is one row. What changed since the last look is remembered by first seconds, which is all that
//! has to be written.

mod interval;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use stentor_peer::Window;

pub(crate) use interval::{Coverage, Interval, Method, reason};

/// Intervals of one relay and filter that are kept apart. A relay that has more exceptions than this is described more coarsely:
/// see [`Intervals::is_crowded`].
pub(crate) const MOST: usize = 10_000;

/// The intervals of one relay and filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Intervals {
    /// By their first second.
    by_since: BTreeMap<u64, Interval>,
    /// First seconds at which something was changed.
    touched: BTreeSet<u64>,
}

/// What has to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// First seconds of intervals that are no more.
    pub gone: Vec<u64>,
    /// Intervals that are new or have changed.
    pub written: Vec<Interval>,
}

impl Intervals {
    /// What the records have; nothing of it counts as changed.
    pub fn new(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let by_since = intervals.into_iter().map(|one| (one.window.since, one));
        Self {
            by_since: by_since.collect(),
            touched: BTreeSet::new(),
        }
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Interval> {
        self.by_since.values()
    }

    /// Whether no more exceptions should be told apart.
    pub fn is_crowded(&self) -> bool {
        self.by_since.len() >= MOST
    }

    /// Says what is known of a window from now on.
    pub fn set(&mut self, interval: Interval) {
        let Window { since, until } = interval.window;
        for old in self.overlapping(interval.window) {
            self.take(old.window.since);
            if old.window.since < since {
                let until = since - 1;
                self.put(old.part(Window {
                    since: old.window.since,
                    until,
                }));
            }
            if old.window.until > until {
                let since = until + 1;
                self.put(old.part(Window {
                    since,
                    until: old.window.until,
                }));
            }
        }
        self.put_joined(interval);
    }

    /// Forgets what is said of time that has not come yet: the clock was ahead.
    pub fn forget_after(&mut self, now: u64) {
        let Some(since) = now.checked_add(1) else {
            return;
        };
        let future = Window {
            since,
            until: u64::MAX,
        };
        for old in self.overlapping(future) {
            self.take(old.window.since);
            if old.window.since <= now {
                self.put(old.part(Window {
                    since: old.window.since,
                    until: now,
                }));
            }
        }
    }

    fn overlapping(&self, window: Window) -> Vec<Interval> {
        let before = self.by_since.range(..window.since).next_back();
        let reaches = before.filter(|(_, old)| old.window.until >= window.since);
        let inside = self.by_since.range(window.since..=window.until);
        reaches
            .into_iter()
            .chain(inside)
            .map(|(_, old)| old.clone())
            .collect()
    }

    fn put_joined(&mut self, mut interval: Interval) {
        let before = self.by_since.range(..interval.window.since).next_back();
        let before = before.map(|(_, old)| old.clone());
        let after = interval.window.until.checked_add(1);
        let after = after.and_then(|after| self.by_since.get(&after).cloned());
        for neighbour in before.into_iter().chain(after) {
            let (newer, older) = if neighbour.window.since < interval.window.since {
                (interval.window, neighbour.window)
            } else {
                (neighbour.window, interval.window)
            };
            if let (true, Some(window)) = (neighbour.agrees(&interval), newer.joined(older)) {
                self.take(neighbour.window.since);
                interval.window = window;
                interval.events = interval.events.saturating_add(neighbour.events);
                interval.at_ms = interval.at_ms.min(neighbour.at_ms);
            }
        }
        self.put(interval);
    }

    fn take(&mut self, since: u64) {
        self.by_since.remove(&since);
        self.touched.insert(since);
    }

    fn put(&mut self, interval: Interval) {
        self.touched.insert(interval.window.since);
        self.by_since.insert(interval.window.since, interval);
    }

    /// What has to be written since the last time that this was asked.
    pub fn change(&mut self) -> Change {
        let mut change = Change::default();
        for since in std::mem::take(&mut self.touched) {
            match self.by_since.get(&since) {
                Some(interval) => change.written.push(interval.clone()),
                None => change.gone.push(since),
            }
        }
        change
    }

    /// Parts of a range that are in no interval for which `counts` says yes, the newest first.
    pub fn without(&self, range: Window, counts: impl Fn(&Interval) -> bool) -> Vec<Window> {
        let mut gaps = Vec::new();
        let mut next = Some(range.since);
        for interval in self
            .overlapping(range)
            .into_iter()
            .filter(|one| counts(one))
        {
            let Some(since) = next else { break };
            if let Some(until) = interval.window.since.checked_sub(1)
                && until >= since
            {
                gaps.push(Window { since, until });
            }
            next = interval.window.until.checked_add(1);
        }
        if let Some(since) = next.filter(|since| *since <= range.until) {
            let until = range.until;
            gaps.push(Window { since, until });
        }
        gaps.reverse();
        gaps
    }

    /// Parts of a range that were never asked for, the newest first.
    pub fn gaps(&self, range: Window) -> Vec<Window> {
        self.without(range, |_| true)
    }

    /// Whether all of a window is proven complete.
    pub fn is_complete(&self, window: Window) -> bool {
        self.without(window, |one| one.state == Coverage::Complete)
            .is_empty()
    }

    /// Seconds of a range that are neither complete nor known not to be had.
    pub fn behind(&self, range: Window) -> u64 {
        let done = |one: &Interval| matches!(one.state, Coverage::Complete | Coverage::Capped);
        let gaps = self.without(range, done).into_iter();
        gaps.map(|gap| (gap.until - gap.since).saturating_add(1))
            .fold(0, u64::saturating_add)
    }
}
