//! One bucket for each key, in bounded memory.

use std::hash::Hash;
use std::time::Duration;

use super::{Bucket, Limited, Rate};
use crate::sets::{Place, Sets};

/// Buckets by key. At most about `capacity` keys are remembered. Where there is no more room, the one with the least debt of a few
/// goes; a full bucket owes nothing and is the same as a forgotten one. So a flood of new keys cannot wash out who is being
/// limited most.
#[derive(Debug)]
pub struct KeyedLimiter<K>(Sets<K, Bucket>);

impl<K: Hash + Eq + Clone> KeyedLimiter<K> {
    /// A limiter that remembers at most `capacity` keys, rounded up to a multiple of 16.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Sets::new(capacity))
    }

    /// Takes `units` for `key` at time `now` (any monotonic clock, the same for all calls).
    ///
    /// # Errors
    /// [`Limited`]; nothing is taken then.
    pub fn take(&self, key: &K, rate: Rate, now: Duration, units: u32) -> Result<(), Limited> {
        if rate.is_off() || units == 0 {
            return Ok(());
        }
        let take = |mut place: Place<'_, K, Bucket>| {
            if let Some(bucket) = place.value() {
                return bucket.take(rate, now, units);
            }
            let mut bucket = Bucket::default();
            bucket.take(rate, now, units)?;
            place.insert(bucket, |bucket| *bucket);
            Ok(())
        };
        self.0.with(key, take).unwrap_or(Ok(()))
    }

    /// Forgets full buckets and gives memory back. Call it from time to time.
    pub fn sweep(&self, now: Duration) {
        self.0.retain(|bucket| !bucket.is_full(now));
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
