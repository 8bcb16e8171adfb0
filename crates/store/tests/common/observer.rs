//! A commit observer that remembers.

use std::sync::{Arc, Mutex};

use stentor_event::EventId;
use stentor_store::{CommitObserver, Committed, EventNumber};

/// What an observer was told of, in order.
#[derive(Default)]
pub struct Witness(Mutex<Vec<(Option<EventNumber>, EventId)>>);

impl Witness {
    /// One that has seen nothing.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// What it has seen since the last call.
    pub fn take(&self) -> Vec<(Option<EventNumber>, EventId)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl CommitObserver for Witness {
    fn committed(&self, events: &[Committed]) {
        self.0.lock().unwrap().extend(
            events
                .iter()
                .map(|committed| (committed.number, committed.event.id())),
        );
    }
}
