//! How far the archive has got, from what is in the records: so a restart forgets nothing of it but the pace, and it can be told where no
//! node runs.

mod covered;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::activity::{Pace, Sample};
use super::metrics;
use super::work::Work;
use crate::clock::read;
use crate::error::Error;
use crate::ground::Ground;
use covered::covered;

/// How often it is measured for the metrics.
const SAMPLE: Duration = Duration::from_secs(60);

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
    /// Seconds that are still to be asked for, those that failed among them, of the relays that have been visited: between the first that
    /// is wanted and now, as far as the filters ask for that, and what is kept reaches back.
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
    /// Seconds until nothing is left, at the pace of the last hour, or since the archive was started; nothing where there is none.
    pub eta_seconds: Option<u64>,
    /// What has come lately; nothing where no archive runs.
    pub pace: Option<Pace>,
    /// Seconds that are complete or capped, those that are no longer wanted among them: it never goes down because time passes.
    #[serde(skip)]
    pub had_seconds: u64,
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
            had_seconds: self.had_seconds,
        }
    }
}

const SENT: &str = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT), CAST(COALESCE(SUM(duplicates), 0) AS BIGINT),
    CAST(COALESCE(SUM(rejected), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM observatory_archiving";

const RELAYS: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(whole), 0) AS BIGINT) FROM (
    SELECT relay, MIN(CASE WHEN state = 'complete' THEN 1 ELSE 0 END) AS whole FROM observatory_coverage GROUP BY relay) AS visited";

/// How far the archive has got.
///
/// # Errors
/// Those of the records.
pub(crate) async fn progress(ground: &Ground) -> Result<Progress, Error> {
    let records = &ground.records;
    let covered = covered(ground).await?;
    let sent: (i64, i64, i64, i64) = records.fetch_one(SENT, ()).await?;
    let relays: (i64, i64) = records.fetch_one(RELAYS, ()).await?;
    // What failed is asked for again.
    let told = covered.complete + covered.capped + covered.refused;
    let left = covered.wanted.saturating_sub(told);
    let mut progress = Progress {
        relays: read(relays.0),
        complete: read(relays.1),
        complete_seconds: covered.complete,
        capped_seconds: covered.capped,
        refused_seconds: covered.refused,
        failed_seconds: covered.failed,
        left_seconds: left,
        share: (told > 0).then(|| told as f64 / told.saturating_add(left) as f64),
        events: ground.archive.statistics().events,
        new_events: read(sent.0),
        duplicates: read(sent.1),
        rejected: read(sent.2),
        bytes: read(sent.3),
        eta_seconds: None,
        pace: None,
        had_seconds: covered.had,
    };
    let now = progress.sample(ground.clock.now_ms());
    progress.eta_seconds = eta(left, ground.activity.progress(now));
    progress.pace = ground.activity.pace(now);
    Ok(progress)
}

/// How long what is left takes, when so many seconds came to be had in so many seconds.
fn eta(left: u64, had: Option<(u64, u64)>) -> Option<u64> {
    if left == 0 {
        return Some(0);
    }
    let (had, seconds) = had?;
    left.saturating_mul(seconds).checked_div(had)
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
mod tests;
