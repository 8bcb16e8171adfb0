//! What came of the checks, counted by the hour as they are kept: to sum a week would take seconds else, as each check is a row.

use std::collections::BTreeMap;

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row, Transaction};
use utoipa::ToSchema;

use super::entry::Entry;
use super::record::reason;
use crate::clock::{read, stored};

/// Milliseconds of an hour.
pub(super) const HOUR_MS: u64 = 3_600_000;
/// Outcomes that are told, the most frequent ones.
const MOST: i64 = 50;

/// Checks with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CheckOutcome)]
pub(crate) struct Outcome {
    /// `online`, or why not, in a word; `own_network` and `no_proxy` say nothing of the relay.
    pub outcome: String,
    /// How many checks.
    pub checks: u64,
}

impl FromRow for Outcome {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            outcome: row.get("outcome")?,
            checks: read(row.get("checks")?),
        })
    }
}

/// The checks of a batch, by hour and outcome.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(u64, String), u64>);

impl Tally {
    /// Counts a check that is kept.
    pub fn add(&mut self, entry: &Entry) {
        let outcome = reason(&entry.findings.verdict).unwrap_or_else(|| "online".to_owned());
        *self.0.entry((entry.at_ms / HOUR_MS, outcome)).or_default() += 1;
    }

    /// Adds what was counted to what there is.
    ///
    /// # Errors
    /// Those of the records.
    pub fn write(self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        for ((hour, outcome), checks) in self.0 {
            tx.execute(
                "INSERT INTO observatory_outcomes (hour, outcome, checks) VALUES (?, ?, ?)
                 ON CONFLICT (hour, outcome) DO UPDATE SET checks = observatory_outcomes.checks + excluded.checks",
                (stored(hour), outcome, stored(checks)),
            )?;
        }
        Ok(())
    }
}

/// The outcomes of the checks from the hour on that `from_ms` is in, the most frequent first; at most 50.
///
/// # Errors
/// Those of the records.
pub(crate) async fn outcomes(records: &Database, from_ms: u64) -> Result<Vec<Outcome>, Error> {
    records
        .fetch_all(
            "SELECT outcome, CAST(SUM(checks) AS BIGINT) AS checks FROM observatory_outcomes
             WHERE hour >= ? GROUP BY outcome ORDER BY 2 DESC, 1 LIMIT ?",
            (stored(from_ms / HOUR_MS), MOST),
        )
        .await
}
