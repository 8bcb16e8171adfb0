//! Metrics of checks. Each is described in `docs/operators/observe.md`.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::findings::{Findings, Verdict};
use crate::relay_url::Network;
use crate::table::Status;

/// A check is done.
pub(super) fn checked(findings: &Findings, attempts: u64, took: Duration) {
    let outcome = match &findings.verdict {
        Verdict::Online => "online",
        Verdict::Offline { reason, .. } => reason.label(),
        Verdict::Untold(why) => why.word(),
    };
    counter!("stentor_observatory_checks_total", "outcome" => outcome).increment(1);
    counter!("stentor_observatory_check_retries_total").increment(attempts.saturating_sub(1));
    histogram!("stentor_observatory_check_seconds").record(took.as_secs_f64());
}

/// How far the cycle is: relays that are due, and those that are being checked.
pub(super) fn progress(due: u64, running: usize) {
    gauge!("stentor_observatory_checks_due").set(due as f64);
    gauge!("stentor_observatory_checks_running").set(running as f64);
}

/// Whether our own network is up.
pub(super) fn own_network(network: Network, up: bool) {
    gauge!("stentor_observatory_own_network_up", "network" => network.as_str())
        .set(f64::from(u8::from(up)));
}

/// How many relays have a status.
pub(super) fn status(status: Status, count: u64) {
    gauge!("stentor_observatory_relay_status", "status" => status.as_str()).set(count as f64);
}
