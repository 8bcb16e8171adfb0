//! What is left to be done, window by window, the newest first. Pure.

use stentor_event::{Filter, Kind};
use stentor_peer::Window;

/// Seconds before the last contact with a relay from which on it is looked again: clocks differ, and events come to a relay later
/// than they were made.
const OVERLAP: u64 = 3_600;
/// As many more for gift wraps: they are dated back by up to two days (NIP-59).
const DATED_BACK: u64 = 2 * 86_400;

/// From how many seconds before the last contact on there may be something new that matches a filter.
pub(crate) fn overlap(filter: &Filter) -> u64 {
    let wraps = [Kind::GIFT_WRAP, Kind::EPHEMERAL_GIFT_WRAP];
    let dated_back = filter
        .kinds
        .as_ref()
        .is_none_or(|kinds| wraps.iter().any(|wrap| kinds.contains(wrap)));
    OVERLAP + if dated_back { DATED_BACK } else { 0 }
}

/// How the next window is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// By reconciliation (NIP-77).
    Reconcile(Window),
    /// Page by page.
    Walk(Window),
}

/// What is to be done after a pass that was begun at `begun` and goes on where it was cut off: everything since `overlap` seconds
/// before, as what is new by now may lie in windows that were done. A pass of its own, so that the one before comes to its end
/// however often it is cut off. `None`: nothing of the range.
pub(crate) fn again(range: Window, begun: u64, overlap: u64) -> Option<Window> {
    let since = begun.saturating_sub(overlap).max(range.since);
    (since <= range.until).then_some(Window {
        since,
        until: range.until,
    })
}

/// What is left to be done.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Windows without overlap, oldest first: the last is the next.
    todo: Vec<Window>,
    now: u64,
    reconciles: bool,
    /// Whether a reconciliation has succeeded: then it is the set that is too large, and not all of NIP-77 that is refused.
    proven: bool,
    /// Whether the next window is too large however small it is.
    walk_next: bool,
}

impl Plan {
    /// For these windows, oldest first.
    pub fn new(todo: Vec<Window>, reconciles: bool, now: u64) -> Self {
        Self {
            todo,
            now,
            reconciles,
            proven: false,
            walk_next: false,
        }
    }

    /// What to do next; `None` when all is done.
    pub fn next(&self) -> Option<Step> {
        let window = *self.todo.last()?;
        Some(if self.reconciles && !self.walk_next {
            Step::Reconcile(window)
        } else {
            Step::Walk(window)
        })
    }

    /// Whether a reconciliation has succeeded already.
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// What is left, oldest first.
    pub fn todo(&self) -> &[Window] {
        &self.todo
    }

    /// The next window has been reconciled.
    pub fn reconciled(&mut self) {
        self.proven = true;
        self.done();
    }

    /// The next window is done.
    pub fn done(&mut self) {
        self.todo.pop();
        self.walk_next = false;
    }

    /// Of the next window, what is after this second is done. Whether that is anything.
    pub fn done_after(&mut self, until: u64) -> bool {
        let Some(window) = self.todo.pop() else {
            return false;
        };
        match window.down_from(until) {
            Some(rest) => self.todo.push(rest),
            None => self.walk_next = false,
        }
        until < window.until
    }

    /// The set of the next window is too large to be reconciled: it is divided. A single second that is too large is walked. When
    /// not one reconciliation has succeeded by then, what the other side calls too large is everything.
    pub fn too_large(&mut self) {
        let Some(window) = self.todo.last().copied() else {
            return;
        };
        match window.halves(self.now) {
            Some((newer, older)) => {
                self.todo.pop();
                self.todo.extend([older, newer]);
            }
            None if self.proven => self.walk_next = true,
            None => self.walk_all(),
        }
    }

    /// The other side does not reconcile: all that is left is walked.
    pub fn walk_all(&mut self) {
        self.reconciles = false;
        let mut joined: Vec<Window> = Vec::new();
        for window in self.todo.drain(..) {
            match joined.last().and_then(|older| window.joined(*older)) {
                Some(both) => {
                    joined.pop();
                    joined.push(both);
                }
                None => joined.push(window),
            }
        }
        self.todo = joined;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// How much the other side has in a window.
    fn count(events: &BTreeMap<u64, u32>, window: Window) -> u32 {
        let seconds = events.range(window.since..=window.until);
        seconds.map(|(_, count)| count).sum()
    }

    proptest! {
        #[test]
        fn r5_2_every_second_is_done_once_whatever_the_cap(
            events in proptest::collection::btree_map(prop_oneof![0u64..200, 1_000_000u64..1_000_300, any::<u64>()], 1u32..50, 0..60),
            cap in 0u32..200,
            speaks in any::<bool>(),
            cut in 0usize..40,
        ) {
            let whole = Window { since: 0, until: u64::MAX };
            let mut plan = Plan::new(vec![whole], speaks, 1_000_100);
            let mut done: Vec<Window> = Vec::new();
            let mut steps = 0;
            while let Some(step) = plan.next() {
                steps += 1;
                prop_assert!(steps < 20_000, "it ends");
                if steps == cut {
                    // Cut off, and resumed from what was written down.
                    plan = Plan::new(plan.todo().to_vec(), speaks, 1_000_100);
                    continue;
                }
                match step {
                    // Blocked altogether, with a cap of nothing.
                    Step::Reconcile(window) if cap == 0 || count(&events, window) > cap => {
                        plan.too_large();
                    }
                    Step::Reconcile(window) => {
                        plan.reconciled();
                        done.push(window);
                    }
                    Step::Walk(window) if window.until - window.since > 10 => {
                        let middle = window.until - (window.until - window.since) / 2;
                        plan.done_after(middle);
                        done.push(Window { since: middle + 1, until: window.until });
                    }
                    Step::Walk(window) => {
                        plan.done();
                        done.push(window);
                    }
                }
            }
            done.sort_by_key(|window| window.since);
            prop_assert_eq!(done.first().map(|window| window.since), Some(0));
            prop_assert_eq!(done.last().map(|window| window.until), Some(u64::MAX));
            prop_assert!(done.windows(2).all(|pair| pair[0].until + 1 == pair[1].since), "no gap, no overlap");
        }
    }

    #[test]
    fn r5_2_what_is_new_is_looked_for_after_what_was_left() {
        let window = |since, until| Window { since, until };
        let range = window(100, u64::MAX);
        assert_eq!(again(range, 6_600, 600), Some(window(6_000, u64::MAX)));
        assert_eq!(again(range, 600, 600), Some(range));
        assert_eq!(again(window(0, 900), 6_600, 600), None);
    }

    #[test]
    fn r5_3_what_is_dated_back_is_not_overlooked() {
        let overlap = |json: &str| overlap(&Filter::parse(json.as_bytes()).unwrap());
        let two_days_and_an_hour = 2 * 86_400 + 3_600;
        for wraps in [r"{}", r#"{"kinds":[1,1059]}"#, r#"{"kinds":[21059]}"#] {
            assert_eq!(overlap(wraps), two_days_and_an_hour, "{wraps}");
        }
        assert_eq!(overlap(r#"{"kinds":[0,1]}"#), 3_600);
    }

    #[test]
    fn r5_2_who_blocks_everything_is_soon_walked() {
        let whole = Window {
            since: 0,
            until: u64::MAX,
        };
        let mut plan = Plan::new(vec![whole], true, 1_700_000_000);
        let mut refused = 0;
        while let Some(Step::Reconcile(_)) = plan.next() {
            refused += 1;
            plan.too_large();
        }
        assert!(refused < 70, "{refused}");
        assert_eq!(plan.next(), Some(Step::Walk(whole)), "in one piece");
    }
}
