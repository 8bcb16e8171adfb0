//! Which window of a relay comes next, and how large it is (O3.1, O3.2). Pure.

use std::cmp::Reverse;

use stentor_peer::Window;

use super::coverage::{Coverage, Interval, Intervals};

/// Seconds before now that are left to live subscriptions: events are still on their way to relays.
pub(crate) const RECENT: u64 = 120;
/// Seconds before the newest that is covered from which on it is asked again: clocks differ, and events come late.
pub(crate) const OVERLAP: u64 = 900;
/// The first window of a relay that is asked by REQ.
const FIRST: u64 = 86_400;
/// Events that a window should have when it is asked for by REQ: so many are fetched again after a crash. Fewer in tests, so that they
/// see many windows.
const EVENTS: u64 = if cfg!(test) { 60 } else { 10_000 };

/// The range that is to be covered at this time; `None` when there is none.
pub(crate) fn range(since: u64, filter: Option<Window>, now: u64) -> Option<Window> {
    let filter = filter?;
    let range = Window {
        since: since.max(filter.since),
        until: now.saturating_sub(RECENT).min(filter.until),
    };
    (range.since <= range.until).then_some(range)
}

/// The next window of what was never asked for, the newest first, and no more than `span` seconds.
pub(crate) fn next_gap(intervals: &Intervals, range: Window, span: u64) -> Option<Window> {
    let gap = intervals.gaps(range).into_iter().next()?;
    Some(tail(gap, span))
}

/// The next window of what was refused or failed before this turn: what was tried the longest ago, and of that the newest.
pub(crate) fn next_retry(
    intervals: &Intervals,
    range: Window,
    span: u64,
    turn_ms: u64,
) -> Option<Window> {
    let is_due = |one: &&Interval| {
        matches!(one.state, Coverage::Failed | Coverage::Refused)
            && one.at_ms < turn_ms
            && within(one.window, range).is_some()
    };
    // Of the same time, the last one is the newest.
    let due = intervals.iter().filter(is_due);
    let due = due.min_by_key(|one| (one.at_ms, Reverse(one.window.since)))?;
    within(due.window, range).map(|window| tail(window, span))
}

/// What a window and a range have in common.
pub(crate) fn within(window: Window, range: Window) -> Option<Window> {
    let common = Window {
        since: window.since.max(range.since),
        until: window.until.min(range.until),
    };
    (common.since <= common.until).then_some(common)
}

/// The smallest window that has both.
pub(crate) fn hull(one: Window, other: Window) -> Window {
    Window {
        since: one.since.min(other.since),
        until: one.until.max(other.until),
    }
}

/// The newest `span` seconds of a window.
pub(crate) fn tail(window: Window, span: u64) -> Window {
    let since = window.until.saturating_sub(span.saturating_sub(1));
    Window {
        since: since.max(window.since),
        until: window.until,
    }
}

/// What lies before the newest that is covered and is asked for again with what is new; `None` when nothing is covered.
pub(crate) fn overlap(intervals: &Intervals, range: Window) -> Option<Window> {
    let newest = intervals.iter().next_back()?.window.until;
    let since = newest.saturating_sub(OVERLAP).max(range.since);
    (newest < range.until && since <= newest).then_some(Window {
        since,
        until: range.until,
    })
}

/// How many seconds the next window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(u64);

impl Span {
    /// All that is left, for a relay that reconciles.
    pub const fn whole() -> Self {
        Self(u64::MAX)
    }

    /// What a relay is first asked for by REQ.
    pub const fn first() -> Self {
        Self(FIRST)
    }

    /// So many seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// A window had so many events: the next has about [`EVENTS`], and is at most four times as long.
    pub fn had(&mut self, window: Window, events: u64) {
        let seconds = (window.until - window.since).saturating_add(1);
        let wanted = u128::from(seconds) * u128::from(EVENTS) / u128::from(events.max(1));
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        self.0 = wanted.clamp(60, seconds.saturating_mul(4).max(FIRST));
    }

    /// A window was compared: the next may be twice as long.
    pub fn compared(&mut self) {
        self.0 = self.0.saturating_mul(2);
    }

    /// A window was too large. Whether a smaller one is worth it.
    pub fn too_large(&mut self, window: Window) -> bool {
        let seconds = (window.until - window.since).saturating_add(1);
        self.0 = seconds / 2;
        self.0 >= 3_600
    }
}

/// The slice of the past that is looked at a second time at this visit: so much that all of it is within `hours`, going down from where
/// the visit before has come to and beginning anew at the end (O3.2). `passed_ms` is the time since that visit.
pub(crate) fn second_look(
    range: Window,
    from: Option<u64>,
    passed_ms: u64,
    hours: u64,
) -> Option<Window> {
    if hours == 0 {
        return None;
    }
    let until = from
        .filter(|from| (range.since..=range.until).contains(from))
        .unwrap_or(range.until);
    let all = u128::from(range.until - range.since) + 1;
    let share = all * u128::from(passed_ms) / (u128::from(hours) * 3_600_000);
    let seconds = u64::try_from(share).unwrap_or(u64::MAX);
    if seconds == 0 {
        return None;
    }
    Some(tail(
        Window {
            since: range.since,
            until,
        },
        seconds,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(since: u64, until: u64, state: Coverage, at_ms: u64) -> Interval {
        Interval {
            window: Window { since, until },
            state,
            reason: None,
            method: None,
            events: 0,
            at_ms,
        }
    }

    #[test]
    fn o3_2_what_was_never_asked_for_comes_before_what_failed() {
        let range = Window {
            since: 0,
            until: 999,
        };
        let mut intervals = Intervals::default();
        intervals.set(interval(900, 999, Coverage::Failed, 5));
        intervals.set(interval(500, 899, Coverage::Complete, 5));
        let window = |since, until| Some(Window { since, until });
        assert_eq!(next_gap(&intervals, range, 100), window(400, 499));
        intervals.set(interval(0, 499, Coverage::Capped, 5));
        assert_eq!(next_gap(&intervals, range, 1_000), None);
        assert_eq!(next_retry(&intervals, range, 1_000, 7), window(900, 999));
        intervals.set(interval(950, 999, Coverage::Failed, 6));
        assert_eq!(next_retry(&intervals, range, 30, 7), window(920, 949));
        intervals.set(interval(900, 949, Coverage::Failed, 8));
        assert_eq!(next_retry(&intervals, range, 1_000, 7), window(950, 999));
        intervals.set(interval(950, 999, Coverage::Failed, 7));
        assert_eq!(
            next_retry(&intervals, range, 1_000, 7),
            None,
            "once in a turn"
        );
    }

    #[test]
    fn o3_1_windows_grow_and_shrink_with_what_is_in_them() {
        let window = |seconds| Window {
            since: 1,
            until: seconds,
        };
        let mut span = Span::first();
        span.had(window(86_400), 0);
        assert_eq!(span.seconds(), 4 * 86_400);
        span.had(window(86_400), EVENTS * 100);
        assert_eq!(span.seconds(), 864);
        let mut span = Span::whole();
        assert!(span.too_large(window(86_400)));
        assert_eq!(span.seconds(), 43_200);
        assert!(!span.too_large(window(3_600)));
    }

    #[test]
    fn o3_2_the_second_look_meets_all_of_the_past_in_its_time() {
        let range = Window {
            since: 1_000,
            until: 1_000_999,
        };
        let (mut from, mut seen, mut visits) = (None, 0, 0);
        while seen < 1_000_000 {
            // Every ten minutes, for a day.
            let slice = second_look(range, from, 600_000, 24).unwrap();
            assert_eq!(slice.until, from.unwrap_or(range.until));
            seen += slice.until - slice.since + 1;
            from = slice.since.checked_sub(1);
            visits += 1;
        }
        assert!((144..=146).contains(&visits), "{visits}");
        assert_eq!(
            second_look(range, from, 600_000, 24).unwrap().until,
            range.until
        );
        assert_eq!(second_look(range, None, 600_000, 0), None);
    }

    #[test]
    fn o3_2_events_that_come_late_are_asked_for_again() {
        let range = Window {
            since: 0,
            until: 9_999,
        };
        let mut intervals = Intervals::default();
        assert_eq!(overlap(&intervals, range), None);
        intervals.set(interval(0, 9_000, Coverage::Complete, 5));
        let expected = Window {
            since: 8_100,
            until: 9_999,
        };
        assert_eq!(overlap(&intervals, range), Some(expected));
    }

    #[test]
    fn o3_2_what_failed_outside_of_the_range_does_not_hide_what_failed_within() {
        let range = Window {
            since: 100,
            until: 999,
        };
        let mut intervals = Intervals::default();
        intervals.set(interval(0, 99, Coverage::Failed, 1));
        intervals.set(interval(100, 499, Coverage::Complete, 5));
        intervals.set(interval(500, 599, Coverage::Failed, 5));
        let retry = next_retry(&intervals, range, 1_000, 7);
        assert_eq!(
            retry,
            Some(Window {
                since: 500,
                until: 599
            })
        );
        // What reaches into it is asked for as far as it does.
        intervals.set(interval(50, 149, Coverage::Refused, 2));
        let retry = next_retry(&intervals, range, 1_000, 7);
        assert_eq!(
            retry,
            Some(Window {
                since: 100,
                until: 149
            })
        );
    }
}
