//! Which events came from one relay a moment ago, so that they are not sent back to it.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use stentor_event::EventId;

/// Events remembered, about 20 MiB. Above it the oldest is forgotten and sent back, to be answered as a duplicate.
const MOST: usize = 1 << 18;

/// The events that came from one relay and that the reader of the change feed has not passed yet.
#[derive(Debug, Default)]
pub(crate) struct Origins(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: HashSet<EventId>,
    /// As they came; it may hold some that are not known any more.
    order: VecDeque<EventId>,
}

impl Origins {
    /// These have come from there. To be called before they are submitted: the feed may be read before the submitter is
    /// answered.
    pub fn add(&self, ids: impl IntoIterator<Item = EventId>) {
        let mut inner = self.0.lock();
        for id in ids {
            if inner.known.insert(id) {
                inner.order.push_back(id);
            }
        }
        while inner.order.len() > MOST {
            if let Some(id) = inner.order.pop_front() {
                inner.known.remove(&id);
            }
        }
    }

    /// Whether it has come from there; it is forgotten.
    pub fn take(&self, id: &EventId) -> bool {
        let mut inner = self.0.lock();
        let known = inner.known.remove(id);
        while inner
            .order
            .front()
            .is_some_and(|first| !inner.known.contains(first))
        {
            inner.order.pop_front();
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> EventId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        EventId(id)
    }

    #[test]
    fn r5_3_origins_are_known_once_and_bounded() {
        let origins = Origins::default();
        origins.add([id(1), id(2), id(1)]);
        assert!(origins.take(&id(1)) && !origins.take(&id(1)));
        assert!(origins.take(&id(2)));
        assert!(origins.0.lock().order.is_empty());
        origins.add((0..MOST + 10).map(id));
        assert!(!origins.take(&id(9)) && origins.take(&id(10)));
        assert!(origins.0.lock().order.len() <= MOST);
    }
}
