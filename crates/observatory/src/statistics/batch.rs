//! What a batch of changes adds to the statistics. Pure.

use std::collections::{BTreeMap, BTreeSet};

use stentor_event::{Event, EventId, Kind, PublicKey};
use stentor_store::{Change, ChangeKind, EventNumber};

use super::lists::{self, List};
use super::period;

/// What a batch adds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    /// Events that came.
    pub added: Vec<Added>,
    /// Numbers of events that left.
    pub removed: Vec<u64>,
    /// Relay lists that left: who wrote them is not known any more.
    pub lists_removed: Vec<EventId>,
    /// The authors of what came.
    pub authors: BTreeMap<[u8; 32], Author>,
    /// The newest relay list of each author and kind.
    pub lists: BTreeMap<([u8; 32], u16), List>,
}

/// An event that came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Added {
    /// Its number.
    pub number: u64,
    /// Its kind.
    pub kind: u16,
    /// Its day.
    pub day: i64,
    /// Its bytes in canonical JSON.
    pub bytes: u64,
    /// Its author, where authors of its kind are counted.
    pub author: Option<[u8; 32]>,
}

/// What an author did.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Author {
    /// Events.
    pub events: i64,
    /// The days of those whose time may be true.
    pub days: BTreeSet<i64>,
}

impl Batch {
    /// What these changes add. Events that have already left again are told only by their removal, and never counted.
    pub fn of(changes: &[Change]) -> Self {
        let mut batch = Self::default();
        for change in changes {
            match (&change.kind, &change.event) {
                (ChangeKind::Added, Some(event)) => {
                    batch.add(change.number, event, change.committed_ms);
                }
                (ChangeKind::Added, None) => {}
                (ChangeKind::Removed(_), _) => batch.remove(change),
            }
        }
        batch
    }

    fn add(&mut self, number: EventNumber, event: &Event, came_ms: u64) {
        let kind = event.kind();
        let day = period::day(event.created_at().0, came_ms);
        let author = has_author(kind).then_some(event.pubkey().0);
        self.added.push(Added {
            number: number.0,
            kind: kind.0,
            day,
            bytes: event.json().len() as u64,
            author,
        });
        let Some(author) = author else {
            return;
        };
        let known = self.authors.entry(author).or_default();
        known.events += 1;
        if day != period::ABSURD {
            known.days.insert(day);
        }
        // A list from the future would be the newest for ever.
        if lists::KINDS.contains(&kind) && day != period::ABSURD {
            self.keep_list(event);
        }
    }

    fn keep_list(&mut self, event: &Event) {
        let key = (event.pubkey().0, event.kind().0);
        let list = List::of(event);
        let known = self.lists.get(&key);
        if known.is_none_or(|known| list.replaces(known.created_at, &known.id.0)) {
            self.lists.insert(key, list);
        }
    }

    fn remove(&mut self, change: &Change) {
        self.removed.push(change.number.0);
        if let Some(former) = &change.former
            && lists::KINDS.contains(&former.kind)
        {
            self.lists_removed.push(former.id);
        }
    }
}

/// Whether the author of an event of this kind is one: gift wraps are signed by keys made for each (NIP-59).
fn has_author(kind: Kind) -> bool {
    !matches!(kind, Kind::GIFT_WRAP | Kind::EPHEMERAL_GIFT_WRAP)
}

/// A key as it stands in a batch.
pub(super) fn key(bytes: [u8; 32]) -> PublicKey {
    PublicKey(bytes)
}
