//! Whose turn it is (O3.6, O3.7). Pure.
//!
//! Most behind first, and before these relays that shut down and relays with events that nobody else has. Whoever waits grows more
//! important with time, without a bound, while everything else is bounded: so nobody starves. Where many wait for long, time outweighs
//! all else; so relays that come first have [`places`](Shares) of their own.

mod places;

pub(crate) use places::{Places, Shares};

use crate::table::RelayId;

/// A relay that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The relay.
    pub relay: RelayId,
    /// Seconds of its past that are not had.
    pub behind: u64,
    /// Milliseconds since it was due.
    pub waited_ms: u64,
    /// The operator named it first.
    pub first: bool,
    /// It says that it shuts down.
    pub leaving: bool,
    /// It holds events that no other relay is known to hold.
    pub exclusive: bool,
}

/// Waiting that weighs as much as being twice as far behind.
const STEP_MS: u64 = 5_000;

impl Candidate {
    fn weight(&self) -> u64 {
        let behind = u64::from(u64::BITS - self.behind.leading_zeros());
        let bonus = |is: bool, bonus: u64| if is { bonus } else { 0 };
        let importance =
            behind + bonus(self.first, 32) + bonus(self.leaving, 24) + bonus(self.exclusive, 8);
        importance.saturating_add(self.waited_ms / STEP_MS)
    }
}

/// Whose turn it is: those who have places of their own in these, and in what is left the most important of all.
pub(crate) fn choose(mut candidates: Vec<Candidate>, places: Places) -> Vec<Candidate> {
    candidates.sort_by_key(|one| (std::cmp::Reverse(one.weight()), one.relay));
    let kept = places.first.min(places.free);
    let mut chosen = take(&mut candidates, kept, |one| one.first);
    // Of what is kept, nobody else has what is not needed at this moment.
    let others = places.free - kept;
    let leaving = take(&mut candidates, places.leaving.min(others), |one| {
        one.leaving
    });
    candidates.truncate(others - leaving.len());
    chosen.extend(leaving);
    chosen.extend(candidates);
    chosen
}

/// Takes out the first of these for which `is` says yes, at most so many.
fn take(
    candidates: &mut Vec<Candidate>,
    most: usize,
    is: impl Fn(&Candidate) -> bool,
) -> Vec<Candidate> {
    candidates
        .extract_if(.., |one| is(one))
        .take(most)
        .collect()
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing is left to ask for.
    Done,
    /// There is more.
    More,
    /// The relay gave nothing.
    Failed,
}

impl Ending {
    /// A word for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::More => "more",
            Self::Failed => "failed",
        }
    }
}

/// A day in milliseconds, the longest wait.
const DAY_MS: u64 = 86_400_000;

/// How long a relay waits for its next turn, in milliseconds, after this one and so many failures in a row (with it).
pub(crate) fn wait_ms(ending: Ending, failures: u64, interval_seconds: u64) -> u64 {
    let interval = interval_seconds.saturating_mul(1_000);
    match ending {
        Ending::More => 0,
        Ending::Done => interval,
        Ending::Failed => {
            let doubled = failures.saturating_sub(1).min(20);
            let wait = interval.max(60_000).saturating_mul(1 << doubled);
            wait.min(DAY_MS.max(interval))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places that are nobody's own.
    const ALL: Places = Places {
        free: 9,
        first: 0,
        leaving: 0,
    };

    fn candidate(relay: i64) -> Candidate {
        Candidate {
            relay: RelayId(relay),
            behind: 0,
            waited_ms: 0,
            first: false,
            leaving: false,
            exclusive: false,
        }
    }

    proptest! {
        #[test]
        fn o3_6_no_relay_starves(
            relays in proptest::collection::vec((any::<u64>(), any::<bool>(), any::<bool>(), any::<bool>()), 1..60),
            parallel in 1usize..8,
            percent in 0usize..91,
            any_first in any::<bool>(),
        ) {
            // A turn takes ten seconds, and every relay is due again at once.
            let places = Shares::new(parallel, percent, any_first).left(&[]);
            let mut waiting: Vec<Candidate> = relays.iter().enumerate().map(|(relay, (behind, first, leaving, exclusive))| Candidate {
                behind: *behind, first: *first, leaving: *leaving, exclusive: *exclusive, ..candidate(relay as i64)
            }).collect();
            let mut longest = 0;
            for _ in 0..300 {
                for chosen in choose(waiting.clone(), places) {
                    waiting[chosen.relay.0 as usize].waited_ms = 0;
                }
                waiting.iter_mut().for_each(|one| one.waited_ms += 10_000);
                longest = longest.max(waiting.iter().map(|one| one.waited_ms).max().unwrap());
            }
            let free = places.free - places.first - places.leaving;
            let fair = relays.len().div_ceil(free) as u64 * 10_000;
            // The weight of everything else, in time.
            prop_assert!(longest <= fair + 128 * STEP_MS + 10_000, "{} {}", longest, fair);
        }
    }

    #[test]
    fn o3_7_who_shuts_down_comes_before_who_is_further_behind() {
        let order = |candidates: Vec<Candidate>| -> Vec<i64> {
            choose(candidates, ALL)
                .iter()
                .map(|one| one.relay.0)
                .collect()
        };
        let all = vec![
            Candidate {
                behind: 10,
                ..candidate(1)
            },
            Candidate {
                behind: 1 << 23,
                ..candidate(2)
            },
            Candidate {
                behind: 10,
                leaving: true,
                ..candidate(3)
            },
            Candidate {
                behind: 10,
                exclusive: true,
                ..candidate(4)
            },
        ];
        assert_eq!(order(all), vec![3, 2, 4, 1]);
    }

    #[test]
    fn o3_7_who_comes_first_does_not_wait_behind_those_who_wait_for_long() {
        let waits = |relay| Candidate {
            waited_ms: 20_000_000,
            ..candidate(relay)
        };
        let first = |relay| Candidate {
            first: true,
            ..candidate(relay)
        };
        let leaving = |relay| Candidate {
            leaving: true,
            ..candidate(relay)
        };
        let shares = Shares::new(4, 10, true);
        let chosen = |candidates: &[Candidate], running: &[Candidate]| -> Vec<i64> {
            let chosen = choose(candidates.to_vec(), shares.left(running));
            chosen.iter().map(|one| one.relay.0).collect()
        };
        let due = [1, 2, 3, 4, 5].map(waits);
        assert_eq!(chosen(&due, &[]), [1, 2, 3], "one place is kept");
        assert_eq!(chosen(&due, &due[..3]), Vec::<i64>::new());
        let all = [&due[..], &[first(6), first(7), leaving(8), leaving(9)]].concat();
        assert_eq!(chosen(&all, &[]), [6, 8, 1, 2]);
        assert_eq!(chosen(&all, &due[..3]), [6], "its place was kept");
        let running = [waits(1), first(6), leaving(8)];
        assert_eq!(chosen(&all, &running), [1], "then time counts");
        let running = [waits(1), waits(2), first(6)];
        assert_eq!(chosen(&all, &running), [8], "the next one that is free");
    }

    #[test]
    fn o3_6_failures_back_off_and_success_does_not() {
        let minute = 60_000;
        assert_eq!(wait_ms(Ending::Failed, 1, 600), 10 * minute);
        assert_eq!(wait_ms(Ending::Failed, 3, 600), 40 * minute);
        assert_eq!(wait_ms(Ending::Failed, 1_000, 600), DAY_MS);
        assert_eq!(wait_ms(Ending::Failed, 1, 1), minute);
        assert_eq!(wait_ms(Ending::Done, 0, 600), 10 * minute);
        assert_eq!(wait_ms(Ending::More, 0, 600), 0);
    }
}
