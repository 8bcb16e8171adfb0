//! What clients did at a relay, for assertions.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use stentor_event::{Event, EventId, Filter, PublicKey};
use tokio::sync::Notify;

/// Entries that are kept; older ones are dropped.
const ENTRIES: usize = 2_000;

/// What a client asked a relay for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The information document (NIP-11).
    Information,
    /// `REQ`.
    Req {
        /// The subscription.
        sub: String,
        /// Its filters.
        filters: Vec<Filter>,
    },
    /// `COUNT` with these filters.
    Count(Vec<Filter>),
    /// `NEG-OPEN` with this filter.
    NegOpen(Filter),
    /// `EVENT`, accepted or not.
    Event(EventId),
    /// `AUTH` by this key, accepted or not.
    Auth(PublicKey),
}

/// Counters and the last entries.
#[derive(Default)]
pub(super) struct Log {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    /// With the numbers of the connections.
    asked: Mutex<VecDeque<(u64, Asked)>>,
    published: Mutex<VecDeque<Event>>,
    changed: Notify,
}

impl Log {
    /// A connection was accepted; its number, from 1.
    pub(super) fn connected(&self) -> u64 {
        let before = self.connections.fetch_add(1, Ordering::SeqCst);
        self.touch();
        before + 1
    }

    pub(super) fn ask(&self, connection: u64, asked: Asked) {
        if matches!(asked, Asked::Req { .. } | Asked::NegOpen(_)) {
            self.requests.fetch_add(1, Ordering::SeqCst);
        }
        push(&mut self.asked.lock(), (connection, asked));
        self.touch();
    }

    pub(super) fn publish(&self, event: Event) {
        push(&mut self.published.lock(), event);
        self.touch();
    }

    /// Wakes whoever waits for a change.
    pub(super) fn touch(&self) {
        self.changed.notify_waiters();
    }

    pub(super) fn asked(&self) -> Vec<(u64, Asked)> {
        self.asked.lock().iter().cloned().collect()
    }

    pub(super) fn published(&self) -> Vec<Event> {
        self.published.lock().iter().cloned().collect()
    }

    /// Waits until something is so; looks again at each change.
    pub(super) async fn until(&self, reached: impl Fn() -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before looking, so that no change between the look and the wait is lost.
            changed.as_mut().enable();
            if reached() {
                return;
            }
            changed.await;
        }
    }
}

fn push<T>(list: &mut VecDeque<T>, entry: T) {
    if list.len() == ENTRIES {
        list.pop_front();
    }
    list.push_back(entry);
}
