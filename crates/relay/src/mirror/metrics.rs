//! What is measured of each mirror, by its name. Events are counted by the tally of synchronisation.

use metrics::{counter, gauge};

/// Whether there is a connection.
pub(super) fn connected(mirror: &str, connected: bool) {
    gauge!("stentor_relay_mirror_connected", "mirror" => mirror.to_owned())
        .set(f64::from(u8::from(connected)));
}

/// A connection was made after the first.
pub(super) fn reconnected(mirror: &str) {
    counter!("stentor_relay_mirror_reconnects_total", "mirror" => mirror.to_owned()).increment(1);
}

/// Entries of the change feed that have not been read yet.
// A figure for a graph: what a float cannot tell apart, nobody sees.
#[allow(clippy::cast_precision_loss)]
pub(super) fn lag(mirror: &str, entries: u64) {
    gauge!("stentor_relay_mirror_lag", "mirror" => mirror.to_owned()).set(entries as f64);
}
