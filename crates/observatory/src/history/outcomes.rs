//! What came of the checks of a time, summed.

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row};
use utoipa::ToSchema;

use crate::clock::{read, stored};

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

/// The outcomes of the checks from `from_ms` on, the most frequent first; at most 50.
///
/// # Errors
/// Those of the records.
pub(crate) async fn outcomes(records: &Database, from_ms: u64) -> Result<Vec<Outcome>, Error> {
    records
        .fetch_all(
            "SELECT CASE WHEN online THEN 'online' ELSE COALESCE(reason, 'unknown') END AS outcome, COUNT(*) AS checks
             FROM observatory_checks WHERE at_ms >= ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
            (stored(from_ms), MOST),
        )
        .await
}
