//! Events in the moderation queue, in memory: search leaves them out unless it is told not to (NIP-50, `include:spam`).

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
use stentor_event::{EventId, EventView};
use stentor_store::search::SpamMarks;

/// The ids of the events in the queue.
#[derive(Debug, Default)]
pub(crate) struct Suspects(RwLock<HashSet<EventId>>);

impl Suspects {
    /// From what is in the queue.
    pub(crate) fn new(ids: impl IntoIterator<Item = EventId>) -> Self {
        Self(RwLock::new(ids.into_iter().collect()))
    }

    /// An event has come into the queue.
    pub(crate) fn insert(&self, id: EventId) {
        self.0.write().insert(id);
    }

    /// An event has left the queue.
    pub(crate) fn remove(&self, id: &EventId) {
        self.0.write().remove(id);
    }
}

/// What search takes for spam.
pub(crate) struct Queued(pub(crate) Arc<Suspects>);

impl SpamMarks for Queued {
    fn is_spam(&self, event: &EventView<'_>) -> bool {
        let suspects = self.0.0.read();
        !suspects.is_empty() && suspects.contains(&event.id())
    }
}
