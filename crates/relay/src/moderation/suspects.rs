//! Events in the moderation queue that a rule of the policy, or enough members, have found fault with, in memory: search
//! leaves them out unless it is told not to (NIP-50, `include:spam`). What only others have reported is found as before:
//! keys cost nothing, and nobody is to hide what others say.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
use stentor_event::{EventId, EventView};
use stentor_store::search::SpamMarks;

/// The ids of these events.
#[derive(Debug, Default)]
pub(crate) struct Suspects(RwLock<HashSet<EventId>>);

impl Suspects {
    /// From what is in the queue at the start.
    pub(crate) fn new(ids: impl IntoIterator<Item = EventId>) -> Self {
        Self(RwLock::new(ids.into_iter().collect()))
    }

    /// An event in the queue has become suspect.
    pub(crate) fn insert(&self, id: EventId) {
        self.0.write().insert(id);
    }

    /// An event has left the queue.
    pub(crate) fn remove(&self, id: &EventId) {
        self.0.write().remove(id);
    }

    /// Whether this is one of them.
    pub(crate) fn contains(&self, id: &EventId) -> bool {
        let suspects = self.0.read();
        !suspects.is_empty() && suspects.contains(id)
    }
}

/// What search takes for spam.
pub(crate) struct Queued(pub(crate) Arc<Suspects>);

impl SpamMarks for Queued {
    fn is_spam(&self, event: &EventView<'_>) -> bool {
        self.0.contains(&event.id())
    }
}
