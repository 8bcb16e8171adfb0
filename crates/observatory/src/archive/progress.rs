//! How far the archive is (O5.3): what is covered, how fast that grows, and when it will be done.
//!
//! The service takes a sample each minute and keeps the rates in the records, so that a command in another process can tell them, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::metrics;
use super::turn::Work;
use crate::clock::read;
use crate::error::Error;
use crate::ground::Ground;
use crate::table::{Cursor, cursor, set_cursor};

/// How often a sample is taken.
const SAMPLE: Duration = Duration::from_secs(60);
/// Under what name the rates are kept.
const NAME: &str = "archive.progress";
/// The part of a rate that a new sample makes up.
const WEIGHT: f64 = 0.2;

/// How far the archive is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// Relays that are asked: proven ones that are not offline.
    pub relays: u64,
    /// Of these, relays of whose past nothing is left to ask for.
    pub complete: u64,
    /// Seconds of relays' pasts by what is known of them: `complete`, `capped`, `refused`, `failed`.
    pub seconds: BTreeMap<String, u64>,
    /// Seconds of the past of all relays that are to be covered, over all filters.
    pub seconds_to_cover: u64,
    /// Events that were new to the archive.
    pub events: u64,
    /// Events that it had already.
    pub duplicates: u64,
    /// New events a second, lately.
    pub events_per_second: f64,
    /// Seconds until everything is covered if it goes on as lately; absent when it does not go on.
    pub eta_seconds: Option<u64>,
}

/// What is kept between samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Rates {
    /// When the last sample was taken, in Unix milliseconds.
    at_ms: u64,
    /// What was covered and new then.
    settled: u64,
    events: u64,
    /// How fast both grow.
    settled_per_second: f64,
    events_per_second: f64,
}

impl Rates {
    /// With one more sample.
    fn sampled(self, at_ms: u64, settled: u64, events: u64) -> Self {
        let passed = at_ms.saturating_sub(self.at_ms) as f64 / 1_000.0;
        let mixed = |old: f64, before: u64, now: u64| {
            if self.at_ms == 0 || passed <= 0.0 {
                return 0.0;
            }
            let rate = now.saturating_sub(before) as f64 / passed;
            old + (rate - old) * WEIGHT
        };
        Self {
            at_ms,
            settled,
            events,
            settled_per_second: mixed(self.settled_per_second, self.settled, settled),
            events_per_second: mixed(self.events_per_second, self.events, events),
        }
    }
}

/// How far the archive is, from the records alone.
///
/// # Errors
/// Those of the records.
pub(crate) async fn progress(ground: &Ground) -> Result<Progress, Error> {
    let rates = rates(ground).await?;
    measured(ground, rates).await
}

async fn rates(ground: &Ground) -> Result<Rates, Error> {
    let kept = cursor(&ground.records, NAME).await?;
    let read = |note: String| serde_json::from_str(&note).ok();
    Ok(kept.note.and_then(read).unwrap_or_default())
}

async fn measured(ground: &Ground, rates: Rates) -> Result<Progress, Error> {
    let records = &ground.records;
    let counts: (i64, i64, i64, i64) = records
        .fetch_one(
            "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN a.behind = 0 THEN 1 ELSE 0 END), 0) AS BIGINT),
                 CAST(COALESCE(SUM(a.events), 0) AS BIGINT), CAST(COALESCE(SUM(a.duplicates), 0) AS BIGINT)
             FROM observatory_archiving a JOIN observatory_relays r ON r.id = a.relay
             WHERE r.state = 'relay' AND r.status <> 'offline'",
            (),
        )
        .await?;
    // One row for each state.
    let states: Vec<(String, i64)> = records
        .fetch_all(
            "SELECT c.state, CAST(SUM(c.until - c.since + 1) AS BIGINT) FROM observatory_coverage c
             JOIN observatory_relays r ON r.id = c.relay WHERE r.state = 'relay' AND r.status <> 'offline'
             GROUP BY c.state ORDER BY c.state LIMIT 16",
            (),
        )
        .await?;
    let config = &ground.config.archive;
    let relays = read(counts.0);
    let now = ground.clock.now().0;
    let past = now.saturating_sub(config.oldest(now));
    let filters = config.filters().len() as u64;
    let seconds: BTreeMap<String, u64> = states
        .into_iter()
        .map(|(state, seconds)| (state, read(seconds)))
        .collect();
    let to_cover = past.saturating_mul(filters).saturating_mul(relays);
    let left = to_cover.saturating_sub(settled(&seconds));
    let eta = (rates.settled_per_second >= 1.0)
        .then(|| (left as f64 / rates.settled_per_second).ceil() as u64);
    Ok(Progress {
        relays,
        complete: read(counts.1),
        seconds,
        seconds_to_cover: to_cover,
        events: read(counts.2),
        duplicates: read(counts.3),
        events_per_second: rates.events_per_second,
        eta_seconds: eta,
    })
}

/// Seconds of which it is known what can be had.
fn settled(seconds: &BTreeMap<String, u64>) -> u64 {
    let known = ["complete", "capped"].iter();
    known.filter_map(|state| seconds.get(*state)).sum()
}

/// Takes samples for ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn follow(work: &Work) -> Result<(), Error> {
    let ground: &Arc<Ground> = &work.intake.ground;
    loop {
        let before = rates(ground).await?;
        let now = measured(ground, before).await?;
        let settled = settled(&now.seconds);
        metrics::covered(settled as f64 / now.seconds_to_cover.max(1) as f64);
        let at_ms = ground.clock.now_ms();
        let rates = before.sampled(at_ms, settled, now.events);
        let cursor = Cursor {
            place: now.events,
            note: serde_json::to_string(&rates).ok(),
        };
        ground
            .records
            .write(move |tx| set_cursor(tx, NAME, &cursor, at_ms))
            .await?;
        ground.signals.changed();
        ground.clock.sleep(SAMPLE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_3_rates_follow_what_is_measured() {
        let mut rates = Rates::default().sampled(1_000, 500, 10);
        assert_eq!(rates.settled_per_second, 0.0, "nothing to compare with");
        for minute in 1..=60 {
            rates = rates.sampled(
                1_000 + minute * 60_000,
                500 + minute * 6_000,
                10 + minute * 60,
            );
        }
        assert!((rates.settled_per_second - 100.0).abs() < 1.0, "{rates:?}");
        assert!((rates.events_per_second - 1.0).abs() < 0.01, "{rates:?}");
    }
}
