//! Values by key, in bounded memory.

use std::hash::{BuildHasher, Hash};

use hashbrown::DefaultHashBuilder;
use parking_lot::Mutex;

/// Keys in a set.
const WAYS: usize = 16;

/// Values by key. At most about `capacity` keys are remembered, in sets of 16 that the key's hash chooses among, as in a
/// processor's cache: finding, inserting and evicting take constant time, and hold up nobody who asks for a key in another set.
#[derive(Debug)]
pub(crate) struct Sets<K, V> {
    sets: Box<[Set<K, V>]>,
    hasher: DefaultHashBuilder,
}

type Set<K, V> = Mutex<Vec<(K, V)>>;

/// The set that a key belongs to, from that key's point of view.
pub(crate) struct Place<'a, K, V> {
    key: &'a K,
    set: &'a mut Vec<(K, V)>,
}

impl<K: Hash + Eq + Clone, V> Sets<K, V> {
    /// For at most `capacity` keys, rounded up to a multiple of 16.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            sets: (0..capacity.div_ceil(WAYS).max(1))
                .map(|_| Mutex::default())
                .collect(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Works on what is remembered of a key, alone in its set. There always is a set, so this is never `None`.
    pub(crate) fn with<T>(&self, key: &K, work: impl FnOnce(Place<'_, K, V>) -> T) -> Option<T> {
        let number = self.hasher.hash_one(key) as usize % self.sets.len();
        let mut set = self.sets.get(number)?.lock();
        Some(work(Place { key, set: &mut set }))
    }

    /// Forgets what is not to be kept, and gives memory back.
    pub(crate) fn retain(&self, keep: impl Fn(&V) -> bool) {
        for set in &self.sets {
            let mut set = set.lock();
            set.retain(|(_, value)| keep(value));
            set.shrink_to_fit();
        }
    }

    /// Keys remembered.
    pub(crate) fn len(&self) -> usize {
        self.sets.iter().map(|set| set.lock().len()).sum()
    }
}

impl<K: Eq + Clone, V> Place<'_, K, V> {
    /// The value of the key.
    pub(crate) fn value(&mut self) -> Option<&mut V> {
        let mut entries = self.set.iter_mut();
        let found = entries.find(|(own, _)| own == self.key);
        found.map(|(_, value)| value)
    }

    /// Remembers a key that is not there. In a set that is used up, the one whose value has the least of `worth` goes for it.
    pub(crate) fn insert<W: Ord>(&mut self, value: V, worth: impl Fn(&V) -> W) {
        let entry = (self.key.clone(), value);
        if self.set.len() < WAYS {
            self.set.push(entry);
        } else if let Some(least) = self.set.iter_mut().min_by_key(|(_, value)| worth(value)) {
            *least = entry;
        }
    }

    /// Forgets the key.
    pub(crate) fn forget(&mut self) {
        self.set.retain(|(own, _)| own != self.key);
    }
}
