//! What is counted about publishing. Targets are named by the configuration, so there are not many.

use metrics::{counter, gauge};

/// Answers of a target, or events that it did not answer: `stentor_observatory_published_total{target, outcome}` with `accepted`,
/// `refused`, `postponed`, `unanswered`.
pub(super) fn published(target: &str, outcome: &'static str, count: u64) {
    if count > 0 {
        counter!("stentor_observatory_published_total", "target" => target.to_owned(), "outcome" => outcome)
            .increment(count);
    }
}

/// Whether there is a connection to a target: `stentor_observatory_publish_connected{target}`.
pub(super) fn connected(target: &str, is_connected: bool) {
    let value = if is_connected { 1.0 } else { 0.0 };
    gauge!("stentor_observatory_publish_connected", "target" => target.to_owned()).set(value);
}

/// Whether a target refuses what it is sent, or may not be connected to: `stentor_observatory_publish_refusing{target}`.
pub(super) fn refusing(target: &str, is_refusing: bool) {
    let value = if is_refusing { 1.0 } else { 0.0 };
    gauge!("stentor_observatory_publish_refusing", "target" => target.to_owned()).set(value);
}

/// Events that wait for a target: `stentor_observatory_publish_waiting{target}`.
#[allow(clippy::cast_precision_loss)]
pub(super) fn waiting(target: &str, count: u64) {
    gauge!("stentor_observatory_publish_waiting", "target" => target.to_owned()).set(count as f64);
}
