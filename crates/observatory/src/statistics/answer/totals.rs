//! The great sums.

use serde::Serialize;
use stentor_sql::{Database, Error};
use utoipa::ToSchema;

use crate::clock::read;
use crate::statistics::period::ABSURD;

/// The great sums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Totals {
    /// Events counted.
    pub events: u64,
    /// Their bytes in canonical JSON.
    pub bytes: u64,
    /// Those of them whose time cannot be true: before 2020, or more than a day after they came.
    pub absurd_events: u64,
    /// Authors of all events that were ever counted, also of those that have left the archive; without those of gift wraps.
    /// `network` has those with events left.
    pub authors: u64,
    /// Pairs of a relay and an event that it holds.
    pub pairs: u64,
    /// Events that one relay alone is known to hold.
    pub exclusive: u64,
    /// URLs that were mentioned and are no relays yet.
    pub candidates: u64,
    /// Relays.
    pub relays: u64,
    /// Relays that are online.
    pub relays_online: u64,
    /// Relays that are offline.
    pub relays_offline: u64,
}

/// The great sums.
///
/// # Errors
/// Those of the records.
pub(crate) async fn totals(records: &Database) -> Result<Totals, Error> {
    let pairs = super::pairs(records).await?;
    records
        .read(move |tx| {
            let (events, bytes, absurd): (i64, i64, i64) = tx.fetch_one(
                "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT),
                 CAST(COALESCE(SUM(CASE WHEN day = ? THEN events ELSE 0 END), 0) AS BIGINT) FROM observatory_kinds",
                (ABSURD,),
            )?;
            // They are numbered from 1 on and never taken away.
            let authors: Option<(i64,)> = tx.fetch_optional(
                "SELECT place FROM observatory_cursors WHERE name = 'authors.numbered'",
                (),
            )?;
            let states: Vec<(String, String, i64)> = tx.fetch_all(
                "SELECT state, status, COUNT(*) FROM observatory_relays GROUP BY state, status",
                (),
            )?;
            let relays = |state: &str, wanted: Option<&str>| {
                let rows = states.iter().filter(|row| {
                    row.0 == state && wanted.is_none_or(|wanted| row.1 == wanted)
                });
                rows.map(|row| read(row.2)).sum()
            };
            Ok(Totals {
                events: read(events),
                bytes: read(bytes),
                absurd_events: read(absurd),
                authors: authors.map_or(0, |(authors,)| read(authors)),
                pairs: pairs.pairs,
                exclusive: pairs.exclusive,
                candidates: relays("candidate", None),
                relays: relays("relay", None),
                relays_online: relays("relay", Some("online")),
                relays_offline: relays("relay", Some("offline")),
            })
        })
        .await
}
