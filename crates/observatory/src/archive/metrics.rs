//! What is counted about the archive; `docs/operators/observe.md` lists it.

use metrics::{counter, gauge};

use super::intake::{Intake, Taken};

/// Events were taken in: `stentor_observatory_archive_events_total{outcome}` (`new`, `duplicate`, `rejected`) and
/// `stentor_observatory_archive_bytes_total`.
pub(super) fn taken(taken: &Taken) {
    const EVENTS: &str = "stentor_observatory_archive_events_total";
    counter!(EVENTS, "outcome" => "new").increment(taken.new);
    counter!(EVENTS, "outcome" => "duplicate").increment(taken.duplicates);
    counter!(EVENTS, "outcome" => "rejected").increment(taken.rejected);
    counter!("stentor_observatory_archive_bytes_total").increment(taken.bytes);
}

/// Events were not taken: `stentor_observatory_archive_rejected_total{reason}`.
pub(super) fn rejected(reason: &'static str, events: u64) {
    counter!("stentor_observatory_archive_rejected_total", "reason" => reason).increment(events);
}

/// A turn has ended: `stentor_observatory_archive_turns_total{outcome}`.
pub(super) fn turn(outcome: &'static str) {
    counter!("stentor_observatory_archive_turns_total", "outcome" => outcome).increment(1);
}

/// Windows were settled: `stentor_observatory_archive_windows_total{method}`.
pub(super) fn window(method: &'static str) {
    counter!("stentor_observatory_archive_windows_total", "method" => method).increment(1);
}

/// Turns under way: `stentor_observatory_archive_turns`.
pub(super) fn turns(turns: usize) {
    gauge!("stentor_observatory_archive_turns").set(turns as f64);
}

/// Live subscriptions: `stentor_observatory_archive_live`.
pub(super) fn live(relays: i64) {
    gauge!("stentor_observatory_archive_live").increment(relays as f64);
}

/// What waits and what is known: `stentor_observatory_archive_waiting_bytes`, `stentor_observatory_archive_known`.
pub(super) fn intake(intake: &Intake) {
    gauge!("stentor_observatory_archive_waiting_bytes").set(intake.waiting_bytes() as f64);
    gauge!("stentor_observatory_archive_known").set(intake.known.entries() as f64);
}

/// The share of what is to be covered that is, from 0 to 1: `stentor_observatory_archive_covered`.
pub(super) fn covered(share: f64) {
    gauge!("stentor_observatory_archive_covered").set(share);
}
