//! How far the archive has got, from what is in the records: so a restart forgets nothing of it, and it can be told where no node runs.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use stentor_sql::{FromRow, Row};
use utoipa::ToSchema;

use super::activity::{Pace, Sample};
use super::metrics;
use super::turn::Work;
use crate::clock::{read, stored};
use crate::error::Error;
use crate::ground::Ground;

/// How often it is measured for the metrics.
const SAMPLE: Duration = Duration::from_secs(60);

/// The time over which the pace is measured, in milliseconds.
const LATELY: u64 = 3_600_000;

/// How far the archive has got. A second of one relay and filter is what is counted: `seconds`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Relays that have been visited at least once.
    pub relays: u64,
    /// Of these, those of which nothing but complete times is on record.
    pub complete: u64,
    /// Seconds that are proven complete.
    pub complete_seconds: u64,
    /// Seconds of which a relay gives no more than a part.
    pub capped_seconds: u64,
    /// Seconds that relays do not tell.
    pub refused_seconds: u64,
    /// Seconds that could not be fetched.
    pub failed_seconds: u64,
    /// Seconds that are still to be asked for, those that failed among them, between the first that is wanted and now, of the relays that
    /// have been visited.
    pub left_seconds: u64,
    /// The share of the seconds that is settled, from 0 to 1; nothing before the first.
    pub share: Option<f64>,
    /// Events in the archive.
    pub events: u64,
    /// Events that relays have sent and that were new.
    pub new_events: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Events that were not taken.
    pub rejected: u64,
    /// Bytes that relays have sent.
    pub bytes: u64,
    /// Seconds until nothing is left, at the pace of the last hour; nothing where there is none.
    pub eta_seconds: Option<u64>,
    /// What has come lately; nothing where no archive runs.
    pub pace: Option<Pace>,
}

impl Progress {
    /// What had come by now.
    const fn sample(&self, at_ms: u64) -> Sample {
        Sample {
            at_ms,
            new_events: self.new_events,
            duplicates: self.duplicates,
            rejected: self.rejected,
            bytes: self.bytes,
        }
    }
}

/// Sums over coverage.
struct Sums {
    complete: u64,
    capped: u64,
    refused: u64,
    failed: u64,
    lately: u64,
}

impl FromRow for Sums {
    fn from_row(row: Row) -> Result<Self, stentor_sql::Error> {
        Ok(Self {
            complete: whole(&row, "complete")?,
            capped: whole(&row, "capped")?,
            refused: whole(&row, "refused")?,
            failed: whole(&row, "failed")?,
            lately: whole(&row, "lately")?,
        })
    }
}

fn whole(row: &Row, column: &str) -> Result<u64, stentor_sql::Error> {
    row.get::<i64>(column).map(read)
}

const SUMS: &str = "SELECT
    CAST(COALESCE(SUM(CASE WHEN state = 'complete' THEN until - since + 1 END), 0) AS BIGINT) AS complete,
    CAST(COALESCE(SUM(CASE WHEN state = 'capped' THEN until - since + 1 END), 0) AS BIGINT) AS capped,
    CAST(COALESCE(SUM(CASE WHEN state = 'refused' THEN until - since + 1 END), 0) AS BIGINT) AS refused,
    CAST(COALESCE(SUM(CASE WHEN state = 'failed' THEN until - since + 1 END), 0) AS BIGINT) AS failed,
    CAST(COALESCE(SUM(CASE WHEN at_ms >= ? AND state <> 'failed' THEN until - since + 1 END), 0) AS BIGINT) AS lately
    FROM observatory_coverage";

const SENT: &str = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT), CAST(COALESCE(SUM(duplicates), 0) AS BIGINT),
    CAST(COALESCE(SUM(rejected), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM observatory_archiving";

const RELAYS: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(whole), 0) AS BIGINT) FROM (
    SELECT relay, MIN(CASE WHEN state = 'complete' THEN 1 ELSE 0 END) AS whole FROM observatory_coverage GROUP BY relay) AS visited";

/// Relays and filters that were asked.
const ASKED: &str =
    "SELECT COUNT(*) FROM (SELECT DISTINCT relay, filter FROM observatory_coverage) AS asked";

/// How far the archive has got.
///
/// # Errors
/// Those of the records.
pub(crate) async fn progress(ground: &Ground) -> Result<Progress, Error> {
    let records = &ground.records;
    let now_ms = ground.clock.now_ms();
    let lately = stored(now_ms.saturating_sub(LATELY));
    let sums: Sums = records.fetch_one(SUMS, (lately,)).await?;
    let sent: (i64, i64, i64, i64) = records.fetch_one(SENT, ()).await?;
    let relays: (i64, i64) = records.fetch_one(RELAYS, ()).await?;
    let (asked,): (i64,) = records.fetch_one(ASKED, ()).await?;
    let wanted = (now_ms / 1_000).saturating_sub(ground.config.archive.since);
    // What failed is asked for again.
    let told = sums.complete + sums.capped + sums.refused;
    let left = wanted.saturating_mul(read(asked)).saturating_sub(told);
    let progress = Progress {
        relays: read(relays.0),
        complete: read(relays.1),
        complete_seconds: sums.complete,
        capped_seconds: sums.capped,
        refused_seconds: sums.refused,
        failed_seconds: sums.failed,
        left_seconds: left,
        share: (told > 0).then(|| told as f64 / told.saturating_add(left) as f64),
        events: ground.archive.statistics().events,
        new_events: read(sent.0),
        duplicates: read(sent.1),
        rejected: read(sent.2),
        bytes: read(sent.3),
        eta_seconds: eta(left, sums.lately),
        pace: None,
    };
    let pace = ground.activity.pace(progress.sample(now_ms));
    Ok(Progress { pace, ..progress })
}

/// How long what is left takes, when so much was done in the last hour.
fn eta(left: u64, lately: u64) -> Option<u64> {
    if left == 0 {
        return Some(0);
    }
    left.saturating_mul(LATELY / 1_000).checked_div(lately)
}

/// Measures it for the metrics, and for whoever is shown it, for ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn follow(work: &Work) -> Result<(), Error> {
    let ground: &Arc<Ground> = &work.intake.ground;
    loop {
        let now = progress(ground).await?;
        metrics::covered(now.share.unwrap_or(0.0));
        let sample = now.sample(ground.clock.now_ms());
        ground.activity.sampled(sample);
        ground.clock.sleep(SAMPLE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_3_what_is_left_takes_as_long_as_the_last_hour_says() {
        assert_eq!(eta(7_200, 3_600), Some(7_200));
        assert_eq!(eta(0, 0), Some(0), "nothing is left");
        assert_eq!(eta(1, 0), None, "nothing was done");
    }
}
