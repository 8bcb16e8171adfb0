//! Exponential back-off with full jitter.

use std::time::Duration;

/// How long to wait before the next attempt: anything from 0 to a bound that doubles with each failure. The whole range is used so
/// that clients that lost a server at the same moment do not come back at the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of at most `first` after the first failure and of at most `longest` in the end.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// The wait after one more failure. `random` is any of all 64-bit numbers with the same probability.
    pub fn next(&mut self, random: u64) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        let nanos = u128::from(u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX));
        // `random` as a fraction of 2^64.
        let part = (nanos * u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
    }

    /// The longest that the next wait can be.
    #[must_use]
    pub fn bound(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// Failures since the last success.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked: the next failure is the first again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let bounds: Vec<u64> = (0..7)
            .map(|_| {
                let bound = backoff.bound().as_secs();
                backoff.next(0);
                bound
            })
            .collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.failures(), 7);
        backoff.reset();
        assert_eq!(backoff.bound(), Duration::from_secs(1));
    }

    #[test]
    fn the_whole_range_is_used() {
        let wait = |random| Backoff::new(Duration::from_secs(8), Duration::MAX).next(random);
        assert_eq!(wait(0), Duration::ZERO);
        assert_eq!(wait(1 << 63), Duration::from_secs(4));
        assert_eq!(wait(u64::MAX), Duration::from_nanos(7_999_999_999));
    }

    proptest! {
        #[test]
        fn no_wait_is_above_its_bound(first: u32, longest: u64, randoms: Vec<u64>) {
            let mut backoff = Backoff::new(Duration::from_millis(first.into()), Duration::from_millis(longest));
            for random in randoms {
                let bound = backoff.bound();
                prop_assert!(bound <= Duration::from_millis(longest));
                prop_assert!(backoff.next(random) <= bound);
            }
        }
    }
}
