//! A circuit breaker for each host, in bounded memory.

use std::hash::Hash;
use std::time::Duration;

use thiserror::Error;

use crate::sets::{Place, Sets};

/// The breaker is open: nobody should try now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("failed too often, try again in {} ms", retry_after.as_millis())]
pub struct Open {
    /// When one attempt will be let through.
    pub retry_after: Duration,
}

/// One breaker. After some failures in a row it is open for a while; then one attempt is let through at a time, and each further
/// failure keeps it open for twice as long. A success closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    open_until: Duration,
}

/// Failures in a row that open a breaker.
const THRESHOLD: u32 = 5;
/// How long it is open at first, and at most.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);
/// An attempt that was let through is given this long before the next one.
const TRIAL: Duration = Duration::from_secs(30);

impl Breaker {
    /// Asks for an attempt at time `now` (any monotonic clock).
    ///
    /// # Errors
    /// [`Open`].
    pub fn attempt(&mut self, now: Duration) -> Result<(), Open> {
        if self.failures < THRESHOLD {
            return Ok(());
        }
        if now < self.open_until {
            return Err(Open {
                retry_after: self.open_until - now,
            });
        }
        self.open_until = now.saturating_add(TRIAL);
        Ok(())
    }

    /// An attempt has failed.
    pub fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if let Some(beyond) = self.failures.checked_sub(THRESHOLD) {
            let factor = 1_u32.checked_shl(beyond).unwrap_or(u32::MAX);
            let open = FIRST.saturating_mul(factor).min(LONGEST);
            self.open_until = now.saturating_add(open);
        }
    }

    /// An attempt has succeeded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// Breakers by key. At most about `capacity` keys that have failed are remembered; where there is no more room, the one with the
/// fewest failures of a few goes. A key that never failed takes no memory.
#[derive(Debug)]
pub struct Breakers<K>(Sets<K, Breaker>);

impl<K: Hash + Eq + Clone> Breakers<K> {
    /// For at most `capacity` keys, rounded up to a multiple of 16.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Sets::new(capacity))
    }

    /// As [`Breaker::attempt`].
    ///
    /// # Errors
    /// [`Open`].
    pub fn attempt(&self, key: &K, now: Duration) -> Result<(), Open> {
        let attempt = |mut place: Place<'_, K, Breaker>| {
            let known = place.value();
            known.map_or(Ok(()), |breaker| breaker.attempt(now))
        };
        self.0.with(key, attempt).unwrap_or(Ok(()))
    }

    /// As [`Breaker::failed`].
    pub fn failed(&self, key: &K, now: Duration) {
        self.0.with(key, |mut place| {
            if let Some(breaker) = place.value() {
                return breaker.failed(now);
            }
            let mut breaker = Breaker::default();
            breaker.failed(now);
            place.insert(breaker, |breaker| breaker.failures);
        });
    }

    /// As [`Breaker::succeeded`]: the key is forgotten.
    pub fn succeeded(&self, key: &K) {
        self.0.with(key, |mut place| place.forget());
    }

    /// Keys remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_attempt_through() {
        let mut breaker = Breaker::default();
        for _ in 0..THRESHOLD {
            breaker.attempt(s(100)).unwrap();
            breaker.failed(s(100));
        }
        assert_eq!(breaker.attempt(s(101)), Err(Open { retry_after: s(4) }));
        breaker.attempt(s(105)).unwrap();
        assert!(breaker.attempt(s(105)).is_err(), "one at a time");
        breaker.failed(s(106));
        assert_eq!(breaker.attempt(s(106)), Err(Open { retry_after: s(10) }));
        breaker.attempt(s(116)).unwrap();
        breaker.succeeded();
        breaker.failed(s(117));
        breaker.attempt(s(117)).unwrap();
    }

    #[test]
    fn an_attempt_that_is_never_answered_for_does_not_keep_it_shut() {
        let mut breaker = Breaker::default();
        (0..THRESHOLD).for_each(|_| breaker.failed(s(0)));
        breaker.attempt(s(5)).unwrap();
        assert!(breaker.attempt(s(34)).is_err());
        breaker.attempt(s(35)).unwrap();
    }

    #[test]
    fn it_is_never_open_for_longer_than_the_longest() {
        let mut breaker = Breaker::default();
        (0..100).for_each(|_| breaker.failed(s(0)));
        assert_eq!(
            breaker.attempt(s(0)),
            Err(Open {
                retry_after: LONGEST
            })
        );
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_remembered() {
        let breakers = Breakers::new(160);
        (0..50).for_each(|_| breakers.failed(&u32::MAX, s(0)));
        for key in 0..10_000_u32 {
            breakers.failed(&key, s(0));
            breakers.attempt(&key, s(0)).unwrap();
        }
        assert!(breakers.len() <= 160);
        assert!(breakers.attempt(&u32::MAX, s(0)).is_err());
        breakers.succeeded(&u32::MAX);
        breakers.attempt(&u32::MAX, s(0)).unwrap();
    }
}
