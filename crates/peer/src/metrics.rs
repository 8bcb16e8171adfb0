//! What is counted about connections to other relays.

use metrics::{Counter, counter, gauge};

use crate::check::Dropped;
use crate::error::Ended;

/// A connection was made: `stentor_peer_connections`.
pub(crate) fn connected() {
    gauge!("stentor_peer_connections").increment(1);
}

/// A connection has ended: `stentor_peer_ended_total{reason}`.
pub(crate) fn ended(ended: &Ended) {
    gauge!("stentor_peer_connections").decrement(1);
    counter!("stentor_peer_ended_total", "reason" => ended.label()).increment(1);
}

/// Events that were wanted by a subscription and passed the checks: `stentor_peer_events_total`.
pub(crate) fn received() -> Counter {
    counter!("stentor_peer_events_total")
}

/// Something was dropped: `stentor_peer_dropped_total{reason}`.
pub(crate) fn dropped(reason: Dropped) {
    counter!("stentor_peer_dropped_total", "reason" => reason.label()).increment(1);
}

/// A consumer lost its subscription: `stentor_peer_stalled_total`.
pub(crate) fn stalled() {
    counter!("stentor_peer_stalled_total").increment(1);
}

/// A relay has answered an event: `stentor_peer_published_total{accepted}`.
pub(crate) fn answered(accepted: bool) {
    let accepted = if accepted { "true" } else { "false" };
    counter!("stentor_peer_published_total", "accepted" => accepted).increment(1);
}
