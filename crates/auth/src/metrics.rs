//! What is counted.
//!
//! * `stentor_auth_attempts_total{method, outcome}`: requests that were to be authenticated, by the kind of credential
//!   (`api_key`, `token`, `opaque`, `nostr`, `ticket`, `public`, `none`) and `ok` or the category of the failure. Failures a minute are its
//!   rate where the outcome is neither `ok` nor `missing`.
//! * `stentor_auth_keys`: API keys that the node knows.
//! * `stentor_auth_poll_failures_total`: times that news of keys and tenants could not be read.
//! * `stentor_auth_jwks_fetches_total{outcome}`: key sets of foreign issuers, fetched.
//! * `stentor_auth_introspections_total{outcome}`: opaque tokens that their issuer was asked about.
//! * `stentor_auth_tickets`: ticket streams that are connected to the node.
//! * `stentor_auth_used_tokens_refused_total{reason}`: tokens of NIP-98 that were used before (`used`), or that there was no room
//!   to remember (`full`).
//! * `stentor_auth_audit_dropped_total`: lines of the audit that there was no room for.

use ::metrics::{counter, gauge};

/// A request was authenticated, or not.
pub(crate) fn attempted(method: &'static str, outcome: &'static str) {
    counter!("stentor_auth_attempts_total", "method" => method, "outcome" => outcome).increment(1);
}

/// So many keys are known.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(crate) fn known(keys: usize) {
    gauge!("stentor_auth_keys").set(keys as f64);
}

/// News could not be read.
pub(crate) fn poll_failed() {
    counter!("stentor_auth_poll_failures_total").increment(1);
}

/// A key set was fetched, or not.
pub(crate) fn fetched(outcome: &'static str) {
    counter!("stentor_auth_jwks_fetches_total", "outcome" => outcome).increment(1);
}

/// An issuer was asked about a token.
pub(crate) fn introspected(outcome: &'static str) {
    counter!("stentor_auth_introspections_total", "outcome" => outcome).increment(1);
}

/// So many ticket streams are connected.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(crate) fn tickets(live: usize) {
    gauge!("stentor_auth_tickets").set(live as f64);
}

/// Lines of the audit were lost.
pub(crate) fn audit_dropped(lines: u64) {
    counter!("stentor_auth_audit_dropped_total").increment(lines);
}

/// A token of NIP-98 was not used up.
pub(crate) fn token_refused(reason: &'static str) {
    counter!("stentor_auth_used_tokens_refused_total", "reason" => reason).increment(1);
}
