//! One bucket for each key, in bounded memory.

use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use parking_lot::Mutex;

use super::{Bucket, Limited, Rate};

/// Keys in a set.
const WAYS: usize = 16;

/// Buckets by key. At most about `capacity` keys are remembered, in sets of 16 that the key's hash chooses among, as in a processor's
/// cache: finding, inserting and evicting take constant time. In a set that is used up, the one with the least debt goes; a full
/// bucket owes nothing and is the same as a forgotten one. So a flood of new keys cannot wash out who is being limited most.
#[derive(Debug)]
pub struct KeyedLimiter<K> {
    sets: Box<[Set<K>]>,
    hasher: DefaultHashBuilder,
}

type Set<K> = Mutex<Vec<(K, Bucket)>>;

impl<K: Hash + Eq + Clone> KeyedLimiter<K> {
    /// A limiter that remembers at most `capacity` keys, rounded up to a multiple of 16.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let sets = (0..capacity.div_ceil(WAYS).max(1))
            .map(|_| Mutex::default())
            .collect();
        Self {
            sets,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Takes `units` for `key` at time `now` (any monotonic clock, the same for all calls).
    ///
    /// # Errors
    /// [`Limited`]; nothing is taken then.
    pub fn take(&self, key: &K, rate: Rate, now: Duration, units: u32) -> Result<(), Limited> {
        if rate.is_off() || units == 0 {
            return Ok(());
        }
        let set = self.hasher.hash_one(key) as usize % self.sets.len();
        let Some(set) = self.sets.get(set) else {
            return Ok(());
        };
        let mut set = set.lock();
        if let Some((_, bucket)) = set.iter_mut().find(|(own, _)| own == key) {
            return bucket.take(rate, now, units);
        }
        let mut bucket = Bucket::default();
        bucket.take(rate, now, units)?;
        let entry = (key.clone(), bucket);
        if set.len() < WAYS {
            set.push(entry);
        } else if let Some(least) = set.iter_mut().min_by_key(|(_, bucket)| *bucket) {
            *least = entry;
        }
        Ok(())
    }

    /// Forgets full buckets and gives memory back. Call it from time to time.
    pub fn sweep(&self, now: Duration) {
        for set in &self.sets {
            let mut set = set.lock();
            set.retain(|(_, bucket)| !bucket.is_full(now));
            set.shrink_to_fit();
        }
    }

    /// Keys remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.iter().map(|set| set.lock().len()).sum()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
