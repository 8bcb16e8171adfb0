//! A look at the events of a subscription before anything of them is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stentor_event::EventView;

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sifted {
    /// It is handed to the subscription.
    Wanted,
    /// All that is wanted of it was seen.
    Seen,
    /// It is too much: the subscription is over with [`Over::TooMany`](crate::Over::TooMany).
    TooMany,
}

/// Looks at the events of a subscription that have passed the checks, in the order in which they come
/// ([`Peer::req_through`](crate::Peer::req_through)). Of events that it has seen enough of, nothing is copied and nothing waits in a
/// queue, which is most of the work: right for whoever knows most events already. It limits how many it takes by itself,
/// `stored_events` does not count them.
pub trait Sieve: Send + Sync {
    /// Called in the task of the connection: has to be quick, and must not block.
    fn sift(&self, event: &EventView<'_>) -> Sifted;
}

/// The sieve of a subscription, and how many events did not get through.
#[derive(Clone)]
pub(crate) struct Filtering {
    pub sieve: Arc<dyn Sieve>,
    pub seen: Arc<AtomicU64>,
}

impl Filtering {
    pub(crate) fn new(sieve: Arc<dyn Sieve>) -> Self {
        let seen = Arc::default();
        Self { sieve, seen }
    }

    pub(crate) fn sift(&self, event: &EventView<'_>) -> Sifted {
        let sifted = self.sieve.sift(event);
        if sifted == Sifted::Seen {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
        sifted
    }
}
