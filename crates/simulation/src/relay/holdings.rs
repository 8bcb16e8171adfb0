//! The events of a relay, in the order of NIP-01.

use std::cmp::Reverse;
use std::collections::HashSet;

use stentor_event::{Event, EventId, Filter, Kind, KindClass, PublicKey};

/// Events that are published to a relay and kept, at most; a relay refuses more.
const MAX_EVENTS: usize = 1_000_000;

/// What a new event does to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    New,
    /// It is there already, or a newer version of it.
    Known,
    /// There is no room.
    Full,
}

/// Newest first, and within a second lowest id first; one version of what is replaceable.
#[derive(Debug, Default)]
pub(crate) struct Holdings(Vec<Event>);

impl Holdings {
    /// Of events in any order, with duplicates and old versions.
    pub(crate) fn new(mut events: Vec<Event>) -> Self {
        events.sort_by_key(place);
        let (mut ids, mut slots) = (HashSet::new(), HashSet::new());
        events.retain(|event| {
            ids.insert(event.id()) && slot(event).is_none_or(|slot| slots.insert(slot))
        });
        events.shrink_to_fit();
        Self(events)
    }

    pub(crate) fn events(&self) -> &[Event] {
        &self.0
    }

    /// Takes an event in that has come just now.
    pub(super) fn insert(&mut self, event: Event) -> Kept {
        if self.0.len() >= MAX_EVENTS {
            return Kept::Full;
        }
        let at = self.0.partition_point(|other| place(other) < place(&event));
        if self.0.get(at).is_some_and(|other| other.id() == event.id()) {
            return Kept::Known;
        }
        if let Some(slot_of_it) = slot(&event) {
            let mut events = self.0.iter();
            match events.position(|other| slot(other).as_ref() == Some(&slot_of_it)) {
                Some(other) if other < at => return Kept::Known,
                Some(other) => drop(self.0.remove(other)),
                None => {}
            }
        }
        self.0.insert(at, event);
        Kept::New
    }

    /// What matches one of the filters, whatever their limits.
    pub(super) fn matching<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Event> {
        self.0.iter().filter(|event| filter.matches(&event.view()))
    }
}

fn place(event: &Event) -> (Reverse<u64>, EventId) {
    (Reverse(event.created_at().0), event.id())
}

type Slot = (Kind, PublicKey, Vec<u8>);

/// What an event shares with its other versions.
fn slot(event: &Event) -> Option<Slot> {
    let identifier = match event.kind().class() {
        KindClass::Replaceable => Vec::new(),
        KindClass::Addressable => event.identifier().unwrap_or_default().into_owned(),
        KindClass::Regular | KindClass::Ephemeral => return None,
    };
    Some((event.kind(), event.pubkey(), identifier))
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, SecretKey, Timestamp};

    use super::*;

    fn event(kind: u16, at: u64, content: &str) -> Event {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        EventBuilder::new(Kind(kind), Timestamp(at))
            .content(content)
            .sign(&key)
    }

    #[test]
    fn o5_4_one_version_of_what_is_replaceable_is_kept() {
        let (old, new, note) = (event(0, 5, "a"), event(0, 7, "b"), event(1, 6, "c"));
        let start = vec![old.clone(), note.clone(), new.clone(), note.clone()];
        let mut holdings = Holdings::new(start);
        assert_eq!(holdings.events(), [new.clone(), note.clone()]);
        assert_eq!(holdings.insert(old), Kept::Known);
        assert_eq!(holdings.insert(note.clone()), Kept::Known);
        let newest = event(0, 6, "d");
        assert_eq!(holdings.insert(newest), Kept::Known);
        let newest = event(0, 8, "e");
        assert_eq!(holdings.insert(newest.clone()), Kept::New);
        assert_eq!(holdings.events(), [newest, note]);
    }
}
