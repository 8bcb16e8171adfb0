//! What is counted about dials.

use std::time::Duration;

use metrics::{counter, histogram};

use super::target::Trust;

/// A URL was refused, or a dial has ended after `time`: `stentor_net_dials_total{trust,outcome}`, `stentor_net_dial_seconds{trust}`.
pub(super) fn dialed(trust: Trust, outcome: &'static str, time: Option<Duration>) {
    let trust = trust.as_str();
    counter!("stentor_net_dials_total", "trust" => trust, "outcome" => outcome).increment(1);
    if let Some(time) = time {
        histogram!("stentor_net_dial_seconds", "trust" => trust).record(time);
    }
}
