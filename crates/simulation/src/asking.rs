//! How often a client has asked for the same: for clients that walk through time window by window and are killed on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use stentor_event::{Filter, Kind};

use crate::relay::Asked;

/// What was asked for more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeated {
    /// Seconds that were asked for again as a kill came while they were being asked for.
    pub excused: u64,
    /// Seconds that were asked for again beyond that.
    pub unexcused: u64,
}

/// A window that was asked for: the first second by which all its pages were asked for, and the last of any of them.
type Window = (u64, u64);

/// Counts the seconds within `past` that were asked for again, by each filter apart (filters are told apart by their kinds), and by `REQ`
/// and `NEG-OPEN` apart, as a client may have to try whether a relay reconciles. `asked`
/// is a relay's log ([`crate::Relay::asked_on`]); `lives` says for each life of the client the number of its last connection, and the
/// client was killed at the end of each but the last. Pages of a window have the same `since`, which no other window has; a question by ids
/// or without `until` is no part of a walk, and neither is a `NEG-OPEN` within the window of the one before it on its connection: it looks into
/// what the relay has said there.
///
/// A second is excused once for each kill that came while its window was the last that had been asked for.
pub fn repeated(asked: &[(u64, Asked)], lives: &[u64], past: RangeInclusive<u64>) -> Repeated {
    let mut repeated = Repeated::default();
    let walked: Vec<_> = walked(asked).collect();
    let apart: BTreeSet<_> = walked.iter().map(|asked| asked.of()).collect();
    for of in apart {
        let mut counts = Counts::new(&past);
        let mut before = 0;
        for last in lives {
            let asked = walked
                .iter()
                .filter(|one| (before + 1..=*last).contains(&one.connection) && one.of() == of);
            counts.live(asked.map(|one| one.filter), Some(last) != lives.last());
            before = *last;
        }
        repeated.excused += counts.sum(|asked, excused| asked.saturating_sub(1).min(excused));
        repeated.unexcused += counts.sum(|asked, excused| asked.saturating_sub(1 + excused));
    }
    repeated
}

/// A question of a walk through time.
struct Walked<'a> {
    connection: u64,
    filter: &'a Filter,
    /// Whether it is a `NEG-OPEN`.
    reconciles: bool,
}

impl Walked<'_> {
    /// What is counted apart.
    fn of(&self) -> (bool, Option<Vec<Kind>>) {
        (self.reconciles, self.filter.kinds.clone())
    }
}

fn walked(asked: &[(u64, Asked)]) -> impl Iterator<Item = Walked<'_>> {
    let all = asked.iter().flat_map(|(connection, asked)| {
        let (filters, reconciles) = match asked {
            Asked::Req { filters, .. } => (filters.as_slice(), false),
            Asked::NegOpen(filter) => (std::slice::from_ref(filter), true),
            _ => (&[] as &[Filter], false),
        };
        filters.iter().map(move |filter| Walked {
            connection: *connection,
            filter,
            reconciles,
        })
    });
    let mut compared: BTreeMap<(u64, Option<Vec<Kind>>), Window> = BTreeMap::new();
    all.filter(|one| one.filter.ids.is_none() && one.filter.until.is_some())
        .filter(move |one| {
            if !one.reconciles {
                return true;
            }
            let window = window(one.filter);
            let walk = (one.connection, one.filter.kinds.clone());
            let before = compared.get(&walk);
            let is_part = before.is_some_and(|before| is_within(window, *before));
            if !is_part {
                compared.insert(walk, window);
            }
            !is_part
        })
}

/// The time that a filter is about.
fn window(filter: &Filter) -> Window {
    let since = filter.since.map_or(0, |at| at.0);
    (since, filter.until.map_or(u64::MAX, |at| at.0))
}

/// Whether a window is a part of another, and not all of it.
fn is_within(window: Window, other: Window) -> bool {
    window != other && other.0 <= window.0 && window.1 <= other.1
}

/// What was asked for in all lives, within a range of time.
struct Counts {
    past: Window,
    asked: Vec<Window>,
    /// The last window of each life that ended with a kill.
    excused: Vec<Window>,
}

impl Counts {
    fn new(past: &RangeInclusive<u64>) -> Self {
        Self {
            past: (*past.start(), *past.end()),
            asked: Vec::new(),
            excused: Vec::new(),
        }
    }

    /// One life: what was asked in it, in order.
    fn live<'a>(&mut self, asked: impl Iterator<Item = &'a Filter>, killed: bool) {
        let mut windows: BTreeMap<u64, u64> = BTreeMap::new();
        let mut last = None;
        for filter in asked {
            let (since, until) = window(filter);
            let newest = windows.entry(since).or_insert(until);
            *newest = until.max(*newest);
            // What is newer than the past that is looked at tells nothing of it.
            if since <= self.past.1 {
                last = Some(since);
            }
        }
        let last = last.filter(|_| killed);
        let last = last.and_then(|since| Some((since, *windows.get(&since)?)));
        self.excused.extend(last);
        self.asked.extend(windows);
    }

    /// The sum over all seconds of what a second counts that was asked for, and is excused, so often.
    fn sum(&self, of: impl Fn(u64, u64) -> u64) -> u64 {
        let end = self.past.1.saturating_add(1);
        let windows = self.asked.iter().chain(&self.excused);
        // Between two of these, all seconds are alike.
        let mut edges: Vec<u64> = windows
            .flat_map(|(since, until)| [*since, until.saturating_add(1)])
            .map(|edge| edge.clamp(self.past.0, end))
            .collect();
        edges.sort_unstable();
        let parts = edges.iter().zip(edges.iter().skip(1));
        let having = |windows: &[Window], second: u64| {
            let has = |(since, until): &&Window| (*since..=*until).contains(&second);
            windows.iter().filter(has).count() as u64
        };
        parts
            .filter(|(from, to)| from < to)
            .map(|(from, to)| {
                of(having(&self.asked, *from), having(&self.excused, *from)) * (to - from)
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn req(connection: u64, since: u64, until: u64) -> (u64, Asked) {
        let json = format!(r#"{{"since":{since},"until":{until},"limit":9}}"#);
        let filters = vec![Filter::parse(json.as_bytes()).unwrap()];
        let sub = "q".into();
        (connection, Asked::Req { sub, filters })
    }

    fn of(asked: &[(u64, Asked)], lives: &[u64]) -> (u64, u64) {
        let repeated = repeated(asked, lives, 10..=99);
        (repeated.excused, repeated.unexcused)
    }

    #[test]
    fn o3_5_what_is_asked_again_is_excused_by_a_kill_on_the_way() {
        let walk = [req(1, 50, 120), req(1, 50, 70), req(1, 20, 49)];
        assert_eq!(of(&walk, &[1]), (0, 0), "pages are one window");
        // Killed in the second window: that one may be asked again, in parts as well.
        let mut again = walk.to_vec();
        again.extend([
            req(2, 110, 130),
            req(2, 40, 49),
            req(2, 20, 39),
            req(2, 10, 19),
        ]);
        assert_eq!(of(&again, &[1, 2]), (30, 0));
        // The one before it may not.
        again.push(req(2, 45, 52));
        assert_eq!(of(&again, &[1, 2]), (30, 5 + 3));
        // Nor may anything be asked twice in one life, but for pages of what begins with the same second.
        assert_eq!(of(&again, &[2]), (0, 10 + 5 + 3));
    }

    #[test]
    fn o3_5_a_life_without_a_question_excuses_nothing_more() {
        let walk = [req(1, 50, 99), req(2, 110, 120), req(3, 50, 99)];
        assert_eq!(of(&walk, &[1, 2, 3]), (50, 0));
        let twice = [
            req(1, 50, 99),
            req(1, 40, 49),
            req(2, 110, 120),
            req(3, 50, 99),
        ];
        assert_eq!(of(&twice, &[1, 2, 3]), (0, 50));
    }

    #[test]
    fn o3_5_a_look_into_what_was_compared_is_no_window_of_its_own() {
        let open = |connection, since: u64, until: u64| {
            let json = format!(r#"{{"since":{since},"until":{until}}}"#);
            let filter = Filter::parse(json.as_bytes()).unwrap();
            (connection, Asked::NegOpen(filter))
        };
        let walk = [open(1, 50, 99), open(1, 60, 70), open(1, 20, 49)];
        assert_eq!(of(&walk, &[1]), (0, 0));
        // On another connection it is the window that is asked for again.
        let again = [&walk[..], &[open(2, 60, 70)]].concat();
        assert_eq!(of(&again, &[1, 2]), (0, 11));
        let twice = [open(1, 50, 99), open(1, 50, 99)];
        assert_eq!(of(&twice, &[1]), (0, 0), "the same window");
    }
}
