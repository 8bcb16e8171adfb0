//! Walking through a range of time page by page, with a relay that may send fewer events than it has and not say so. Pure.
//!
//! Only an empty page, or the hint `finish` (NIP-67), says that there is no more. Each page is asked for from the oldest second
//! of the one before, which may have been cut. A page that is nothing but one second cannot be continued by time: it is asked for
//! once more with a larger limit, then passed over and reported where more must or may have been there.

use stentor_event::{EoseHint, Filter};

use crate::window::Window;

/// Events of one second with which a page looks like a cut one, when nothing else is known: no relay caps at less.
const LOOKS_CUT: u64 = 100;

/// A walk in progress.
#[derive(Debug, Clone)]
pub struct Pages {
    /// What has not been settled yet.
    left: Window,
    /// Events to ask for.
    limit: u64,
    /// What `limit` may grow to.
    most: u64,
    /// The second that the page before was nothing but, and could not be continued.
    stuck: Option<u64>,
}

/// A page that has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// Events in it.
    pub count: u64,
    /// The time of its oldest, which lies in what was asked for.
    pub oldest: Option<u64>,
    /// Whether there is more, if the relay says so.
    pub hint: Option<EoseHint>,
}

/// What follows from a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// Of this range, everything that can be had has come.
    pub settled: Option<Window>,
    /// A second of which not all has come.
    pub lost: Option<u64>,
    /// Whether there is no further page.
    pub over: bool,
}

impl Pages {
    /// A walk through this range, with `limit` events a page, up to `most` for a single second.
    #[must_use]
    pub fn new(window: Window, limit: u64, most: u64) -> Self {
        Self {
            left: window,
            limit,
            most: most.max(limit),
            stuck: None,
        }
    }

    /// What to ask for next.
    #[must_use]
    pub fn filter(&self, filter: &Filter) -> Filter {
        Filter {
            limit: Some(self.limit),
            ..self.left.narrow(filter)
        }
    }

    /// The newest second that is not settled.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.left.until
    }

    /// Takes a page: the answer to what [`Pages::filter`] said.
    pub fn turn(&mut self, page: Page) -> Turn {
        // That there is something older proves that the page of one second was cut.
        let stuck = self.stuck.take().filter(|_| page.count > 0);
        let mut turn = self.judge(page);
        turn.lost = turn.lost.or(stuck);
        turn
    }

    fn judge(&mut self, page: Page) -> Turn {
        let oldest = page.oldest.filter(|_| page.hint != Some(EoseHint::Finish));
        let Some(oldest) = oldest else {
            // Nothing came, or all has come. Who says that there is more and sends nothing has us stop here.
            return Turn {
                settled: Some(self.left),
                lost: (page.hint == Some(EoseHint::More)).then_some(self.left.until),
                over: true,
            };
        };
        if oldest < self.left.until {
            return self.settle_after(oldest);
        }
        self.judge_second(page)
    }

    /// A page of nothing but the newest second.
    fn judge_second(&mut self, page: Page) -> Turn {
        if page.count >= self.limit && self.limit < self.most {
            self.limit = self.limit.saturating_mul(4).min(self.most);
            return Turn::default();
        }
        let second = self.left.until;
        let cut = page.hint == Some(EoseHint::More) || page.count >= self.limit.min(LOOKS_CUT);
        let mut turn = match second.checked_sub(1) {
            Some(before) if before >= self.left.since => self.settle_after(before),
            _ => Turn {
                settled: Some(self.left),
                lost: None,
                over: true,
            },
        };
        if cut {
            turn.lost = Some(second);
        } else {
            self.stuck = Some(second);
        }
        turn
    }

    fn settle_after(&mut self, until: u64) -> Turn {
        let settled = Window {
            since: until + 1,
            until: self.left.until,
        };
        self.left.until = until;
        Turn {
            settled: Some(settled),
            lost: None,
            over: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A relay with these events as (time, id).
    struct Relay {
        events: BTreeSet<(u64, u32)>,
        cap: usize,
        hints: bool,
    }

    impl Relay {
        fn page(&self, left: Window, limit: u64) -> (Vec<(u64, u32)>, Option<EoseHint>) {
            let inside = self.events.range((left.since, 0)..=(left.until, u32::MAX));
            let all: Vec<_> = inside.rev().copied().collect();
            let cut = all.len().min(self.cap).min(limit as usize);
            let hint = if cut == all.len() {
                EoseHint::Finish
            } else {
                EoseHint::More
            };
            (all[..cut].to_vec(), self.hints.then_some(hint))
        }
    }

    fn walk(relay: &Relay, limit: u64, most: u64) -> (BTreeSet<(u64, u32)>, Vec<u64>, usize) {
        let whole = Window {
            since: 0,
            until: 10_000,
        };
        let mut pages = Pages::new(whole, limit, most);
        let (mut got, mut lost, mut asked) = (BTreeSet::new(), Vec::new(), 0);
        let mut settled: Vec<Window> = Vec::new();
        loop {
            asked += 1;
            assert!(asked < 5_000, "it ends");
            let (events, hint) = relay.page(pages.left, pages.limit);
            let page = Page {
                count: events.len() as u64,
                oldest: events.last().map(|event| event.0),
                hint,
            };
            got.extend(events);
            let turn = pages.turn(page);
            lost.extend(turn.lost);
            settled.extend(turn.settled);
            if turn.over {
                break;
            }
        }
        assert_eq!(settled.first().unwrap().until, whole.until);
        assert_eq!(settled.last().unwrap().since, whole.since);
        assert!(
            settled
                .windows(2)
                .all(|pair| pair[1].until + 1 == pair[0].since)
        );
        (got, lost, asked)
    }

    proptest! {
        #[test]
        fn r5_2_whatever_a_relay_hides_comes_or_is_reported(
            events in proptest::collection::btree_set((0u64..60, any::<u32>()), 0..400),
            cap in 1usize..40,
            limit in 1u64..40,
            hints in any::<bool>(),
        ) {
            let relay = Relay { events, cap, hints };
            let (got, lost, _) = walk(&relay, limit, limit * 8);
            for event in relay.events.difference(&got) {
                // Without hints, only the very oldest second can be cut without a sign: fewer than a hundred and nothing older.
                let oldest = relay.events.first().unwrap().0;
                prop_assert!(lost.contains(&event.0) || (!hints && event.0 == oldest), "{event:?} {lost:?}");
            }
            if cap == 39 && relay.events.len() < 39 {
                prop_assert_eq!(lost, Vec::<u64>::new());
            }
        }
    }

    #[test]
    fn r5_2_a_full_second_is_had_with_a_larger_limit() {
        let events = (0..3_000).map(|id| (500, id)).chain([(400, 1), (600, 1)]);
        let relay = |cap, hints| Relay {
            events: events.clone().collect(),
            cap,
            hints,
        };
        for hints in [true, false] {
            let (got, lost, asked) = walk(&relay(5_000, hints), 500, 5_000);
            assert_eq!((got.len(), lost.len()), (3_002, 0));
            assert!(asked < 8, "{asked}");
            let (got, lost, _) = walk(&relay(1_000, hints), 500, 5_000);
            assert_eq!((got.len(), lost), (1_002, vec![500]));
        }
    }

    #[test]
    fn r5_2_a_second_that_ends_the_walk_and_looks_cut_is_reported() {
        let relay = Relay {
            events: (0..700).map(|id| (9, id)).collect(),
            cap: 300,
            hints: false,
        };
        let (got, lost, _) = walk(&relay, 500, 5_000);
        assert_eq!((got.len(), lost), (300, vec![9]));
    }
}
