//! Relay lists of authors: the newest of each (NIP-65, NIP-17), by which it is told who names relays that are dead.
//!
//! URLs have numbers of their own here: what an author names need be neither relay nor candidate, and outlives both.

mod table;

use std::collections::BTreeMap;

use stentor_event::{Event, EventId, Kind};

use crate::relay_url::RelayUrl;

pub(super) use table::{forget, keep};

/// Relay lists (NIP-65), and relays for private messages (NIP-17).
pub(super) const KINDS: [Kind; 2] = [Kind::RELAY_LIST, Kind(10_050)];
/// Most entries of a list that are looked at; NIP-65 asks for two to four of each sort.
const MOST: usize = 20;

/// A relay list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    /// The event.
    pub id: EventId,
    /// Its time, in Unix seconds.
    pub created_at: u64,
    /// What it names: whether for reading, whether for writing. What is no relay's URL is left out.
    pub entries: BTreeMap<RelayUrl, (bool, bool)>,
}

impl List {
    /// Reads a list.
    pub fn of(event: &Event) -> Self {
        let mut entries = BTreeMap::new();
        let is_outbox = event.kind() == Kind::RELAY_LIST;
        let name: &[u8] = if is_outbox { b"r" } else { b"relay" };
        let view = event.view();
        let tags = view.tags().filter(|tag| tag.name().is(name));
        for tag in tags.take(MOST) {
            let Some(url) = tag.value() else {
                continue;
            };
            let Ok(url) = RelayUrl::parse(&url.to_text()) else {
                continue;
            };
            let marker = tag.get(2).filter(|_| is_outbox);
            let is = |word: &[u8]| marker.is_some_and(|marker| marker.is(word));
            let entry: &mut (bool, bool) = entries.entry(url).or_default();
            entry.0 |= !is(b"write");
            entry.1 |= !is(b"read");
        }
        Self {
            id: event.id(),
            created_at: event.created_at().0,
            entries,
        }
    }

    /// Whether it takes the place of a list of this time and id (NIP-01: the newer one, and of two at once the one with the lower id).
    pub fn replaces(&self, created_at: u64, id: &[u8; 32]) -> bool {
        (created_at, &self.id.0) < (self.created_at, id)
    }
}
