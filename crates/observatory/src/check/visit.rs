//! A check: visits to a relay until one says enough (O2.3).
//!
//! What may pass is tried again in the same check, after a pause that doubles, without holding a place among the visits or a permit
//! meanwhile. A relay that was offline already is visited once: another time would say nothing new, and most of the relays that are
//! away stay away.

use std::sync::Arc;
use std::time::Duration;

use stentor_net::retry::Backoff;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::attempt::Visitor;
use super::findings::{Findings, Verdict};
use super::queue::Due;
use crate::budget::Class;
use crate::table::Status;

/// First and longest pause between two visits of a check.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));

/// A check that is done.
pub(super) struct Checked {
    /// Of which relay.
    pub due: Due,
    /// What came of its last visit.
    pub findings: Findings,
    /// How many visits it took.
    pub attempts: u64,
    /// When the last one began.
    pub began: Instant,
    /// How long the last one took.
    pub took: Duration,
}

/// Checks a relay. `places` limits how many visits there are at once.
pub(super) async fn check(visitor: Arc<Visitor>, places: Arc<Semaphore>, due: Due) -> Checked {
    let most = match due.status {
        Status::Offline => 1,
        Status::Online | Status::Unknown => visitor.ground.config.check.retries + 1,
    };
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    let mut attempts = 0;
    loop {
        attempts += 1;
        // The semaphore is never closed.
        let place = places.acquire().await;
        let permit = visitor
            .ground
            .budget
            .permit(due.network, Class::Common)
            .await;
        let began = Instant::now();
        let findings = visitor.visit(&due.url).await;
        drop((permit, place));
        if attempts >= most || !may_pass(&findings) {
            return Checked {
                due,
                findings,
                attempts,
                began,
                took: began.elapsed(),
            };
        }
        tokio::time::sleep(backoff.next(random())).await;
    }
}

/// Whether another visit may find something else.
fn may_pass(findings: &Findings) -> bool {
    // A certificate does not become good within a minute.
    let bad = findings.tls.as_ref().is_some_and(|tls| !tls.valid);
    match &findings.verdict {
        Verdict::Offline { reason, .. } => reason.may_pass() && !bad,
        Verdict::Online | Verdict::Untold(_) => false,
    }
}

/// Any number. Without a source of them, retries are not spread, which does no harm.
fn random() -> u64 {
    let mut bytes = [0xff; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
