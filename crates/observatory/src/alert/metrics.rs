//! What is counted about alerts and messages.

use metrics::{counter, gauge};

/// Alerts told since there are records: `stentor_observatory_alerts_total{kind}`.
pub(super) fn alerts(kind: String, told: u64) {
    counter!("stentor_observatory_alerts_total", "kind" => kind).absolute(told);
}

/// Messages were delivered, refused or unsent (`failed`, each time that one was tried), or given up:
/// `stentor_observatory_messages_total{outcome}`.
pub(super) fn messages(outcome: &'static str, count: u64) {
    counter!("stentor_observatory_messages_total", "outcome" => outcome).increment(count);
}

/// Messages on their way: `stentor_observatory_messages_waiting`.
#[allow(clippy::cast_precision_loss)]
pub(super) fn waiting(count: u64) {
    gauge!("stentor_observatory_messages_waiting").set(count as f64);
}
