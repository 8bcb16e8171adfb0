//! Who has places of its own among the turns under way (O3.7). Pure.
//!
//! What the operator put first has places that are kept free, so that it waits for nobody. Relays that shut down have the next
//! place that becomes free, until as many of them have their turns; nothing is kept free for them, as there may be none, and a relay
//! can say of itself what it likes. At least one place is given by importance alone, so that nobody starves.

use super::Candidate;

/// How many of all places are whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    parallel: usize,
    first: usize,
    leaving: usize,
}

/// Places for turns that are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    /// All of them.
    pub free: usize,
    /// Of these, those that are kept for relays that the operator put first.
    pub first: usize,
    /// Of these, those that relays that shut down have before others.
    pub leaving: usize,
}

impl Shares {
    /// The shares where so many turns are under way at once, by the percentage of connections for what comes first, but at least one
    /// place. `any_first`: whether the operator put anybody first.
    pub fn new(parallel: usize, percent: usize, any_first: bool) -> Self {
        let share = (parallel.saturating_mul(percent) / 100).max(1);
        let first = if any_first { share } else { 0 };
        let first = first.min(parallel.saturating_sub(1));
        Self {
            parallel,
            first,
            leaving: share.min(parallel.saturating_sub(first + 1)),
        }
    }

    /// What is left of them while these have their turns.
    pub fn left<'a>(self, running: impl IntoIterator<Item = &'a Candidate>) -> Places {
        let (mut all, mut first, mut leaving) = (0_usize, 0_usize, 0_usize);
        for one in running {
            all += 1;
            first += usize::from(one.first);
            leaving += usize::from(one.leaving && !one.first);
        }
        Places {
            free: self.parallel.saturating_sub(all),
            first: self.first.saturating_sub(first),
            leaving: self.leaving.saturating_sub(leaving),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_7_who_comes_first_has_a_share_that_is_never_all() {
        let shares = |parallel, percent, any_first| {
            let shares = Shares::new(parallel, percent, any_first);
            (shares.first, shares.leaving)
        };
        assert_eq!(shares(32, 10, true), (3, 3));
        assert_eq!(shares(32, 10, false), (0, 3));
        assert_eq!(shares(32, 0, true), (1, 1), "one at least");
        assert_eq!(shares(32, 90, true), (28, 3));
        assert_eq!(shares(3, 90, true), (2, 0));
        assert_eq!(shares(2, 10, true), (1, 0));
        assert_eq!(shares(1, 10, true), (0, 0));
        assert_eq!(shares(1, 10, false), (0, 0));
    }
}
