//! What was found out about addresses.

use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;
use parking_lot::Mutex;
use stentor_event::PublicKey;

use super::Lifetimes;

/// Keys remembered; when there are as many, half of them are forgotten, the oldest.
const KEYS: usize = 65_536;

/// Keys with the domain that vouches for them, if one does.
#[derive(Default)]
pub(super) struct Cache {
    entries: Mutex<HashMap<PublicKey, Entry>>,
}

struct Entry {
    domain: Option<Arc<str>>,
    at: Instant,
}

impl Cache {
    /// What is known of a key and still counts.
    pub(super) fn get(
        &self,
        key: &PublicKey,
        lifetimes: Lifetimes,
        now: Instant,
    ) -> Option<Option<Arc<str>>> {
        let entries = self.entries.lock();
        let entry = entries.get(key)?;
        let lifetime = match entry.domain {
            Some(_) => lifetimes.verified,
            None => lifetimes.failed,
        };
        let age = now.saturating_duration_since(entry.at);
        (age < lifetime).then(|| entry.domain.clone())
    }

    /// Remembers what was found out.
    pub(super) fn put(&self, key: PublicKey, domain: Option<Arc<str>>, now: Instant) {
        let mut entries = self.entries.lock();
        if entries.len() >= KEYS {
            let mut times: Vec<Instant> = entries.values().map(|entry| entry.at).collect();
            let middle = times.len() / 2;
            let (_, middle, _) = times.select_nth_unstable(middle);
            let middle = *middle;
            entries.retain(|_, entry| entry.at > middle);
        }
        entries.insert(key, Entry { domain, at: now });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        verified: Duration::from_secs(100),
        failed: Duration::from_secs(10),
    };

    #[test]
    fn r4_2_good_and_bad_news_last_for_their_time() {
        let (cache, start) = (Cache::default(), Instant::now());
        let (good, bad) = (PublicKey([1; 32]), PublicKey([2; 32]));
        let domain: Arc<str> = "example.com".into();
        cache.put(good, Some(Arc::clone(&domain)), start);
        cache.put(bad, None, start);
        let at = |key, seconds| cache.get(&key, LIFETIMES, start + Duration::from_secs(seconds));
        assert_eq!(at(good, 99), Some(Some(domain)));
        assert_eq!(at(good, 100), None);
        assert_eq!(at(bad, 9), Some(None));
        assert_eq!(at(bad, 10), None);
        assert_eq!(at(PublicKey([3; 32]), 0), None);
    }

    #[test]
    fn r4_2_the_cache_stays_as_large_as_it_may_be() {
        let (cache, start) = (Cache::default(), Instant::now());
        for number in 0..(KEYS as u64 + 10) {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            cache.put(PublicKey(key), None, start + Duration::from_nanos(number));
        }
        assert!(cache.entries.lock().len() <= KEYS);
    }
}
