//! Each token is good for one request.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::pin::Pin;

use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::Mutex;
use stentor_event::{EventId, Timestamp};

use super::{HttpAuthError, TOKEN_SKEW_SECONDS, Token};

/// The boxed future of [`ReplayGuard`].
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How many tokens a [`ReplayCache`] holds unless it is told otherwise: 4 MB, and 540 requests a second all the time, as each
/// is remembered for two minutes at most.
pub const DEFAULT_REPLAY_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

/// What remembers which tokens have been used. In memory for one node ([`ReplayCache`]); nodes that share their work share one
/// in a database.
pub trait ReplayGuard: Send + Sync {
    /// Uses a token up: of any number of calls with the same [`Token::id`], however close together and on whatever node, one
    /// succeeds. A guard may forget the token after [`Token::expires_at`].
    ///
    /// # Errors
    /// [`HttpAuthError::Used`], [`HttpAuthError::Full`], [`HttpAuthError::Unavailable`] and [`HttpAuthError::Time`]. Whatever the
    /// error, the request must be refused.
    fn use_up<'a>(
        &'a self,
        token: &'a Token,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), HttpAuthError>>;
}

/// The guard of a single node. A restart forgets what was used: within the minute after it, a token from before can be used
/// again.
///
/// Full, it refuses new tokens until old ones expire, and never forgets one before its time: it is better to keep callers
/// waiting than to let someone else's request be repeated.
pub struct ReplayCache {
    used: Mutex<Used>,
    capacity: NonZeroUsize,
    metrics: ReplayMetrics,
}

/// The tokens used and not yet expired.
#[derive(Default)]
struct Used {
    /// Oldest first. The time is part of what the id is a hash of, so that both tell no more apart than the id does.
    tokens: BTreeSet<(Timestamp, EventId)>,
    /// Tokens made before this have been forgotten, and are refused even if the clock should be set back.
    forgotten: Timestamp,
}

struct ReplayMetrics {
    tokens: Gauge,
    replayed: Counter,
    full: Counter,
}

impl ReplayCache {
    /// A cache for this many tokens.
    pub fn new(capacity: NonZeroUsize) -> Self {
        let refused = |reason: &'static str| counter!("stentor_auth_replay_refused_total", "reason" => reason);
        Self {
            used: Mutex::default(),
            capacity,
            metrics: ReplayMetrics {
                tokens: gauge!("stentor_auth_replay_tokens"),
                replayed: refused("used"),
                full: refused("full"),
            },
        }
    }

    /// As [`ReplayGuard::use_up`], which for this cache waits for nothing.
    ///
    /// # Errors
    /// [`HttpAuthError::Used`], [`HttpAuthError::Full`] and [`HttpAuthError::Time`].
    pub fn use_now(&self, token: &Token, now: Timestamp) -> Result<(), HttpAuthError> {
        let mut used = self.used.lock();
        used.forget(now);
        let outcome = used.insert(token, self.capacity);
        let count = used.tokens.len();
        drop(used);
        self.metrics.count(outcome, count);
        outcome
    }
}

impl ReplayGuard for ReplayCache {
    fn use_up<'a>(
        &'a self,
        token: &'a Token,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), HttpAuthError>> {
        Box::pin(std::future::ready(self.use_now(token, now)))
    }
}

impl Used {
    /// Drops what has expired.
    fn forget(&mut self, now: Timestamp) {
        let before = Timestamp(now.0.saturating_sub(TOKEN_SKEW_SECONDS));
        self.forgotten = self.forgotten.max(before);
        while self
            .tokens
            .first()
            .is_some_and(|(made, _)| *made < self.forgotten)
        {
            self.tokens.pop_first();
        }
    }

    fn insert(&mut self, token: &Token, capacity: NonZeroUsize) -> Result<(), HttpAuthError> {
        let entry = (token.created_at(), token.id());
        if token.created_at() < self.forgotten {
            Err(HttpAuthError::Time)
        } else if self.tokens.contains(&entry) {
            Err(HttpAuthError::Used)
        } else if self.tokens.len() >= capacity.get() {
            Err(HttpAuthError::Full)
        } else {
            self.tokens.insert(entry);
            Ok(())
        }
    }
}

impl ReplayMetrics {
    fn count(&self, outcome: Result<(), HttpAuthError>, tokens: usize) {
        match outcome {
            Err(HttpAuthError::Used) => self.replayed.increment(1),
            Err(HttpAuthError::Full) => self.full.increment(1),
            _ => {}
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        self.tokens.set(tokens as f64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stentor_event::PublicKey;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn token(number: u8, created_at: u64) -> Token {
        Token {
            id: EventId([number; 32]),
            key: PublicKey([1; 32]),
            created_at: Timestamp(created_at),
        }
    }

    fn cache(capacity: usize) -> ReplayCache {
        ReplayCache::new(NonZeroUsize::new(capacity).unwrap())
    }

    #[test]
    fn r3_3_a_token_is_good_for_one_request() {
        let cache = cache(10);
        let use_at = |number, now| cache.use_now(&token(number, NOW), Timestamp(now));
        assert_eq!(use_at(1, NOW), Ok(()));
        assert_eq!(use_at(1, NOW), Err(HttpAuthError::Used));
        assert_eq!(use_at(2, NOW), Ok(()));
        assert_eq!(
            use_at(1, NOW + 60),
            Err(HttpAuthError::Used),
            "its last second"
        );
        assert_eq!(use_at(1, NOW + 61), Err(HttpAuthError::Time));
        assert_eq!(
            use_at(1, NOW),
            Err(HttpAuthError::Time),
            "nor when the clock is set back"
        );
    }

    #[test]
    fn r3_3_a_full_cache_refuses_and_forgets_nothing() {
        let cache = cache(2);
        let use_at = |number, made, now| cache.use_now(&token(number, made), Timestamp(now));
        assert_eq!(use_at(1, NOW - 60, NOW), Ok(()));
        assert_eq!(use_at(2, NOW + 60, NOW), Ok(()));
        assert_eq!(use_at(3, NOW, NOW), Err(HttpAuthError::Full));
        assert_eq!(use_at(1, NOW - 60, NOW), Err(HttpAuthError::Used));
        assert_eq!(use_at(2, NOW + 60, NOW), Err(HttpAuthError::Used));
        assert_eq!(use_at(3, NOW, NOW + 1), Ok(()), "the first has expired");
        assert_eq!(use_at(4, NOW, NOW + 1), Err(HttpAuthError::Full));
        assert_eq!(use_at(5, NOW + 61, NOW + 61), Ok(()));
        assert_eq!(use_at(2, NOW + 60, NOW + 61), Err(HttpAuthError::Used));
    }

    #[test]
    fn r3_3_of_many_at_once_one_gets_through() {
        let guard: &dyn ReplayGuard = &cache(10);
        let passed = std::thread::scope(|scope| {
            let one = || {
                let token = token(1, NOW);
                let mut answer = guard.use_up(&token, Timestamp(NOW));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                answer.as_mut().poll(&mut context) == std::task::Poll::Ready(Ok(()))
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .filter(|passed| *passed)
                .count()
        });
        assert_eq!(passed, 1);
    }

    proptest! {
        /// Whatever comes in whatever order, with a clock that jumps: nothing passes twice, and the bound holds.
        #[test]
        fn r3_3_nothing_passes_twice(
            steps in prop::collection::vec((0_u8..12, 0_u64..300), 1..200),
            capacity in 1_usize..8,
        ) {
            let cache = cache(capacity);
            let mut passed = std::collections::HashSet::new();
            for (number, now) in steps {
                // As the id is a hash of the time too, a token always has the same.
                let made = NOW + u64::from(number) * 25;
                if made.abs_diff(NOW + now) > TOKEN_SKEW_SECONDS {
                    continue;
                }
                if cache.use_now(&token(number, made), Timestamp(NOW + now)).is_ok() {
                    prop_assert!(passed.insert(number));
                }
                prop_assert!(cache.used.lock().tokens.len() <= capacity);
            }
        }
    }
}
