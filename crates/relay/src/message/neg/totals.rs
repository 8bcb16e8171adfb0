//! What the reconciliations of all connections take together, and what is counted of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use tokio::sync::Semaphore;

/// Long rounds that are worked on at once, over all connections: they must leave cores to the others.
const LONG_ROUNDS: usize = 1;

/// See the module.
pub(crate) struct Totals {
    sessions: AtomicUsize,
    bytes: AtomicUsize,
    /// Turns for rounds that take long.
    pub(super) long_rounds: Arc<Semaphore>,
    sessions_open: Gauge,
    bytes_held: Gauge,
    snapshot_time: Histogram,
    snapshot_rows: Histogram,
    rounds: Counter,
    round_time: Histogram,
}

/// The share of one reconciliation, which is given back when it is dropped.
pub(super) struct Share {
    totals: Arc<Totals>,
    bytes: usize,
}

impl Totals {
    /// None yet. Looks the metrics up in the installed recorder.
    pub(crate) fn new() -> Self {
        Self {
            sessions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            long_rounds: Arc::new(Semaphore::new(LONG_ROUNDS)),
            sessions_open: gauge!("stentor_relay_neg_sessions"),
            bytes_held: gauge!("stentor_relay_neg_bytes"),
            snapshot_time: histogram!("stentor_relay_neg_snapshot_seconds"),
            snapshot_rows: histogram!("stentor_relay_neg_snapshot_rows"),
            rounds: counter!("stentor_relay_neg_rounds_total"),
            round_time: histogram!("stentor_relay_neg_round_seconds"),
        }
    }

    /// Takes a place for one more, if there are not `most` already (0: no limit).
    pub(super) fn begin(self: &Arc<Self>, most: usize) -> Option<Share> {
        let share = Share {
            totals: Arc::clone(self),
            bytes: 0,
        };
        let before = self.sessions.fetch_add(1, Ordering::Relaxed);
        self.sessions_open.increment(1.0);
        // The share, when it is dropped, gives the place back.
        (most == 0 || before < most).then_some(share)
    }

    /// A set has been gathered, or not.
    pub(super) fn gathered(&self, work: Duration, rows: u64) {
        self.snapshot_time.record(work.as_secs_f64());
        self.snapshot_rows.record(rows as f64);
    }

    /// A message has been answered.
    pub(super) fn answered(&self, work: Duration) {
        self.rounds.increment(1);
        self.round_time.record(work.as_secs_f64());
    }

    /// NEG-ERR was sent for this reason.
    pub(super) fn refused(&self, reason: &str) {
        let prefix = reason.split(':').next().unwrap_or_default().to_owned();
        counter!("stentor_relay_neg_refused_total", "reason" => prefix).increment(1);
    }
}

impl Share {
    /// Takes memory, so that it has `bytes` of it in all. `false`: that would be more than `most` (0: no limit) over all
    /// connections, and it has what it had.
    pub(super) fn hold(&mut self, bytes: usize, most: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let before = self.totals.bytes.fetch_add(more, Ordering::Relaxed);
        if most != 0 && more > 0 && before.saturating_add(more) > most {
            self.totals.bytes.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        let less = self.bytes.saturating_sub(bytes);
        self.totals.bytes.fetch_sub(less, Ordering::Relaxed);
        self.totals.bytes_held.increment(more as f64);
        self.totals.bytes_held.decrement(less as f64);
        self.bytes = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.totals.sessions.fetch_sub(1, Ordering::Relaxed);
        self.totals.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.totals.sessions_open.decrement(1.0);
        self.totals.bytes_held.decrement(self.bytes as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_1_places_and_memory_are_given_back() {
        let totals = Arc::new(Totals::new());
        let mut one = totals.begin(2).unwrap();
        let mut two = totals.begin(2).unwrap();
        assert!(totals.begin(2).is_none());
        assert!(one.hold(60, 100) && two.hold(40, 100));
        assert!(!two.hold(41, 100), "the node has no more");
        assert!(one.hold(10, 100) && two.hold(90, 100));
        drop(two);
        assert!(one.hold(100, 100));
        assert!(totals.begin(2).is_some());
        drop(one);
        assert_eq!(totals.bytes.load(Ordering::Relaxed), 0);
        assert_eq!(totals.sessions.load(Ordering::Relaxed), 0);
    }
}
