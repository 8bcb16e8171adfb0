//! Which events are known, in fixed memory: most of what relays send has been sent by others (O3.4).
//!
//! A table of small buckets. An entry is 64 bits of a keyed hash of the id, so that nobody can make an event that is taken for
//! another, and the event's number; 16 bytes. Where a bucket is full, an entry goes that was not asked for since the last time that
//! one had to go. What is not here may still be in the store, which is asked then.
//!
//! An event that leaves the store is forgotten. Whoever has just looked it up may credit a number that is gone, which counts for
//! nothing.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use stentor_event::EventId;

/// Entries of a bucket.
const WAYS: usize = 8;
/// Parts with a lock of their own.
const SHARDS: usize = 16;
/// Marks an entry that was asked for.
const USED: u64 = 1 << 63;
/// Stands for an event that the store does not take.
const REFUSED: u64 = USED - 1;

/// What is known of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// It is in the store, under this number.
    Number(u64),
    /// The store does not take it, whoever sends it.
    Refused,
}

/// An entry: the hash, and the number with the mark; 0 and 0 where there is none.
type Slot = (u64, u64);

/// Two lines of the processor's cache, which are fetched together.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(128))]
struct Bucket([Slot; WAYS]);

/// See the module.
#[derive(Debug)]
pub(crate) struct Known {
    shards: Vec<Mutex<Vec<Bucket>>>,
    hasher: RandomState,
    entries: AtomicU64,
}

impl Known {
    /// For about this many events.
    pub fn new(events: usize) -> Self {
        let buckets = events.div_ceil(SHARDS * WAYS).max(1);
        let shard = |_| Mutex::new(vec![Bucket::default(); buckets]);
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            hasher: RandomState::new(),
            entries: AtomicU64::new(0),
        }
    }

    /// What is known of this event.
    pub fn get(&self, id: &EventId) -> Option<Held> {
        self.at(id, |bucket, hash| {
            let slot = bucket
                .iter_mut()
                .find(|slot| slot.0 == hash && slot.1 != 0)?;
            slot.1 |= USED;
            Some(match slot.1 & !USED {
                REFUSED => Held::Refused,
                number => Held::Number(number),
            })
        })
    }

    /// Remembers what is known of this event.
    pub fn put(&self, id: &EventId, held: Held) {
        let value = match held {
            Held::Number(number) => number,
            Held::Refused => REFUSED,
        };
        let new = self.at(id, |bucket, hash| {
            if let Some(slot) = bucket.iter_mut().find(|slot| slot.0 == hash && slot.1 != 0) {
                slot.1 = value;
                return false;
            }
            if let Some(slot) = bucket.iter_mut().find(|slot| slot.1 == 0) {
                *slot = (hash, value);
                return true;
            }
            // The first that was not asked for; when all were, the marks are taken away and the first goes.
            let mut place = bucket.iter().position(|slot| slot.1 & USED == 0);
            if place.is_none() {
                bucket.iter_mut().for_each(|slot| slot.1 &= !USED);
                place = Some(0);
            }
            if let Some(place) = place {
                // The newest stands last, so that it is the last to go.
                if let Some(tail) = bucket.get_mut(place..) {
                    tail.rotate_left(1);
                }
                if let Some(last) = bucket.last_mut() {
                    *last = (hash, value);
                }
            }
            false
        });
        if new {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The event has left the store.
    pub fn removed(&self, id: &EventId, number: u64) {
        let forgot = self.at(id, |bucket, hash| {
            let slot = bucket
                .iter_mut()
                .find(|slot| slot.0 == hash && slot.1 & !USED == number);
            slot.map(|slot| *slot = (0, 0)).is_some()
        });
        if forgot {
            self.entries.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    fn at<T: Default>(&self, id: &EventId, look: impl FnOnce(&mut [Slot; WAYS], u64) -> T) -> T {
        // Half of an id is as hard to make as a collision of the whole hash.
        let (half, _) = id.0.split_at(16);
        let hash = self.hasher.hash_one(half);
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        let Some(shard) = self.shards.get(shard) else {
            return T::default();
        };
        let mut buckets = shard.lock();
        let length = buckets.len().max(1) as u64;
        let place = usize::try_from((hash >> 8) % length).unwrap_or(0);
        match buckets.get_mut(place) {
            Some(Bucket(bucket)) => look(bucket, hash),
            None => T::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> EventId {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        EventId(id)
    }

    #[test]
    fn o3_4_what_was_put_is_known_until_its_event_leaves() {
        let known = Known::new(10_000);
        for number in 1..=2_000 {
            known.put(&id(number), Held::Number(number));
        }
        known.put(&id(9_999), Held::Refused);
        for number in 1..=2_000 {
            assert_eq!(known.get(&id(number)), Some(Held::Number(number)));
        }
        assert_eq!(known.get(&id(9_999)), Some(Held::Refused));
        assert_eq!(known.get(&id(5_000)), None);
        assert_eq!(known.entries(), 2_001);
        known.removed(&id(3), 3);
        assert_eq!(known.get(&id(3)), None);
        assert_eq!(known.entries(), 2_000);
    }

    #[test]
    fn o3_4_a_removal_of_another_number_does_not_hide_an_event_that_came_again() {
        let known = Known::new(100);
        known.put(&id(1), Held::Number(8));
        known.removed(&id(1), 5);
        assert_eq!(known.get(&id(1)), Some(Held::Number(8)));
    }

    #[test]
    fn o3_4_memory_is_fixed_and_what_is_asked_for_stays_longer() {
        let known = Known::new(1_024);
        let often: Vec<u64> = (1..=100).collect();
        for number in 1..=20_000 {
            known.put(&id(number), Held::Number(number));
            if number % 50 == 0 {
                often.iter().for_each(|number| {
                    known.get(&id(*number));
                });
            }
        }
        assert!(known.entries() <= 1_024);
        let kept = often
            .iter()
            .filter(|number| known.get(&id(**number)).is_some());
        assert!(kept.count() > 60);
    }
}
