//! What the committer has decided but not yet committed.

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;
use stentor_event::{Event, EventId, Kind};

use super::decide::is_lasting;
use super::key::{Key, Keys};
use super::run::{Entry, Row};

/// An accepted event of the group being formed.
pub struct PendingEvent {
    /// The event.
    pub event: Event,
    /// Its number.
    pub number: u64,
    /// What it will be found under.
    pub keys: Keys,
}

/// See the module.
#[derive(Default)]
pub struct Pending {
    events: Vec<PendingEvent>,
    by_id: HashMap<EventId, usize>,
    by_key: HashMap<Key, SmallVec<[u32; 2]>>,
    removed: HashSet<u64>,
}

impl Pending {
    /// Takes an accepted event in.
    pub fn add(&mut self, event: Event, keys: Keys, number: u64) {
        let place = self.events.len();
        self.by_id.insert(event.id(), place);
        if is_looked_for(event.kind()) {
            for key in &keys {
                self.by_key.entry(*key).or_default().push(place as u32);
            }
        }
        self.events.push(PendingEvent {
            event,
            number,
            keys,
        });
    }

    /// Notes that an event, stored or pending, leaves.
    pub fn remove(&mut self, number: u64) {
        self.removed.insert(number);
    }

    /// Whether an event leaves with this group.
    pub fn is_removed(&self, number: u64) -> bool {
        !self.removed.is_empty() && self.removed.contains(&number)
    }

    /// The event with this id, if it stays.
    pub fn by_id(&self, id: &EventId) -> Option<&PendingEvent> {
        self.events
            .get(*self.by_id.get(id)?)
            .filter(|found| !self.is_removed(found.number))
    }

    /// The events under a key that stay. The key must be of a kind that is looked for.
    pub fn under(&self, key: Key) -> impl Iterator<Item = &PendingEvent> + '_ {
        debug_assert!(is_looked_for(key.kind_of()), "{key:?}");
        let places = self
            .by_key
            .get(&key)
            .map(|places| places.as_slice())
            .unwrap_or_default();
        places
            .iter()
            .filter_map(|place| self.events.get(*place as usize))
            .filter(|e| !self.is_removed(e.number))
    }

    /// All events that stay.
    pub fn staying(&self) -> impl Iterator<Item = &PendingEvent> + '_ {
        self.events.iter().filter(|e| !self.is_removed(e.number))
    }

    /// All events.
    pub fn events(&self) -> &[PendingEvent] {
        &self.events
    }

    /// The event with this number.
    pub fn by_number(&self, number: u64) -> Option<&PendingEvent> {
        let place = number.checked_sub(self.events.first()?.number)?;
        self.events.get(usize::try_from(place).ok()?)
    }

    /// What the events contribute to the index.
    pub fn entries(&self) -> Vec<Entry> {
        self.events
            .iter()
            .map(|pending| entry(&pending.event, pending.number, pending.keys.clone()))
            .collect()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.events.clear();
        self.by_id.clear();
        self.by_key.clear();
        self.removed.clear();
    }
}

/// Whether decisions look for events of this kind by their keys: those that replace each other, forbid others, or leave
/// with their recipients.
fn is_looked_for(kind: Kind) -> bool {
    is_lasting(kind) || kind.is_replaceable() || kind.is_addressable() || kind == Kind::GIFT_WRAP
}

/// What an event contributes to the index. Requests for deletion and to vanish are not served after their expiration, but
/// they stay, so that what they forbid stays forbidden: for the purge they do not expire.
pub fn entry(event: &Event, number: u64, keys: Keys) -> Entry {
    let purged = !is_lasting(event.kind());
    let expires = event.expiration().filter(|_| purged).map(|at| at.0);
    Entry {
        row: Row::new(&event.view(), number),
        keys,
        expires,
    }
}
