//! Taking away what is not kept any more: checks, and their sums by the hour, after `keep_days`, and the documents that neither a relay
//! nor its log of changes names after a week (O2.4).
//!
//! A service of its own, as it has the time: small batches with pauses, so that nobody waits for it long. Sums of days stay.

use std::sync::Arc;
use std::time::Duration;

use stentor_sql::{Database, Error as SqlError};

use super::outcomes::HOUR_MS;
use super::uptime::DAY_MS;
use crate::clock::stored;
use crate::error::Error;
use crate::ground::Ground;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(3_600);
/// Days that a document is kept which only checks name. A relay may give another one at each check, of which the checks keep the address.
const ALONE_DAYS: u64 = 7;
/// Rows that are taken away at once.
const BATCH: i64 = 500;
/// The pause between two batches.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes away for ever what is not kept any more.
///
/// # Errors
/// Those of the records.
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    loop {
        prune(
            &ground.records,
            ground.clock.now_ms(),
            ground.config.check.keep_days,
        )
        .await?;
        ground.clock.sleep(INTERVAL).await;
    }
}

/// Takes away what is not kept any more at this time; how many rows.
pub(super) async fn prune(records: &Database, now_ms: u64, keep_days: u64) -> Result<u64, Error> {
    let before = stored(now_ms.saturating_sub(keep_days.saturating_mul(DAY_MS)));
    let checks = all(records, CHECKS, before).await?;
    // Whole hours: the sum of one is as it was until all its checks are too old.
    let hours = all(records, OUTCOMES, before / stored(HOUR_MS)).await?;
    // The last use of a document is noted now and then only: a day more.
    let alone_days = keep_days.min(ALONE_DAYS).saturating_add(1);
    let unused = stored(now_ms.saturating_sub(alone_days.saturating_mul(DAY_MS)));
    let documents = all(records, DOCUMENTS, unused).await?;
    if checks + documents > 0 {
        tracing::debug!(checks, documents, "old checks and documents taken away");
    }
    Ok(checks + hours + documents)
}

const CHECKS: &str = "
    DELETE FROM observatory_checks WHERE (relay, at_ms) IN (
        SELECT relay, at_ms FROM observatory_checks WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)";

const OUTCOMES: &str = "
    DELETE FROM observatory_outcomes WHERE (hour, outcome) IN (
        SELECT hour, outcome FROM observatory_outcomes WHERE hour < ?1 ORDER BY hour LIMIT ?2)";

const DOCUMENTS: &str = "
    DELETE FROM observatory_documents WHERE hash IN (
        SELECT d.hash FROM observatory_documents d WHERE d.last_ms < ?1
        AND NOT EXISTS (SELECT 1 FROM observatory_relays r WHERE r.document = d.hash)
        AND NOT EXISTS (SELECT 1 FROM observatory_relays r WHERE r.facts = d.hash)
        AND NOT EXISTS (SELECT 1 FROM observatory_changes c WHERE c.before = d.hash)
        AND NOT EXISTS (SELECT 1 FROM observatory_changes c WHERE c.after = d.hash)
        LIMIT ?2)";

/// Runs a statement that takes away a batch until there is none.
async fn all(records: &Database, sql: &'static str, before: i64) -> Result<u64, SqlError> {
    let mut all = 0;
    loop {
        let gone = records
            .write(move |tx| tx.execute(sql, (before, BATCH)))
            .await?;
        all += gone;
        if gone < BATCH.unsigned_abs() {
            return Ok(all);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
