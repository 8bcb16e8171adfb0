//! The TLS handshakes that run, of which there may be only so many.

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Gauge, gauge};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The running handshakes. When there are too many, the one that has taken longest makes room: a client that means it needs a few
/// round trips, and those that hold places without going on must not keep others out.
pub(super) struct Handshakes {
    running: Mutex<Running>,
    gauge: Gauge,
}

#[derive(Default)]
struct Running {
    next: u64,
    /// In the order in which they began.
    places: BTreeMap<u64, Arc<Notify>>,
}

/// The place of a running handshake.
pub(super) struct Place<'a> {
    handshakes: &'a Handshakes,
    number: u64,
    cut: Arc<Notify>,
}

impl Handshakes {
    pub(super) fn new() -> Self {
        Self {
            running: Mutex::default(),
            gauge: gauge!("stentor_tls_handshakes"),
        }
    }

    /// Takes a place, where there are so many.
    pub(super) fn enter(&self, most: usize) -> Place<'_> {
        let cut = Arc::new(Notify::new());
        let mut running = self.running.lock();
        let number = running.next;
        running.next += 1;
        running.places.insert(number, Arc::clone(&cut));
        self.gauge.increment(1.0);
        while running.places.len() > most.max(1) {
            let Some((_, oldest)) = running.places.pop_first() else {
                break;
            };
            oldest.notify_one();
        }
        Place {
            handshakes: self,
            number,
            cut,
        }
    }
}

impl Place<'_> {
    /// Waits until it is to make room.
    pub(super) async fn taken(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.handshakes.running.lock().places.remove(&self.number);
        self.handshakes.gauge.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn r3_4_the_oldest_handshake_makes_room() {
        let handshakes = Handshakes::new();
        let mut places: Vec<Place<'_>> = (0..3).map(|_| handshakes.enter(3)).collect();
        assert!(
            places
                .iter()
                .all(|place| place.taken().now_or_never().is_none())
        );
        let fourth = handshakes.enter(3);
        let taken = |place: &Place<'_>| place.taken().now_or_never().is_some();
        assert_eq!(
            places.iter().map(taken).collect::<Vec<_>>(),
            [true, false, false]
        );
        drop(places.remove(1));
        let fifth = handshakes.enter(3);
        assert!(
            !taken(&places[1]) && !taken(&fourth) && !taken(&fifth),
            "there was room"
        );
    }
}
