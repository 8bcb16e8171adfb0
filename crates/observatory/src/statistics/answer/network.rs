//! What relays run, what they can do, and how much of them is covered.

use serde::Serialize;
use stentor_sql::{Database, Error};
use utoipa::ToSchema;

use super::limit;
use crate::clock::read;

/// What relays that are online run, by their own word (NIP-11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Software {
    /// Relays that are online.
    pub relays: u64,
    /// Programs, those that most relays run first.
    pub software: Vec<SoftwareCount>,
}

/// Relays that run a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SoftwareCount {
    /// The program; `None`: the relay does not say.
    pub software: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Relays that run it.
    pub relays: u64,
}

/// Which NIPs relays that are online say that they know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NipAdoption {
    /// Relays that are online.
    pub relays: u64,
    /// By the number of the NIP, ascending.
    pub nips: Vec<NipCount>,
}

/// Relays that know a NIP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NipCount {
    /// The NIP.
    pub nip: i64,
    /// Relays.
    pub relays: u64,
}

/// How much of a relay's past is in which state, summed over the filters of the archive. What was never asked for is in none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RelayCoverage {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// Seconds of which everything has been fetched.
    pub complete_seconds: u64,
    /// Seconds of which the relay gives no more.
    pub capped_seconds: u64,
    /// Seconds that the relay refused to tell of.
    pub refused_seconds: u64,
    /// Seconds that could not be fetched, and will be tried again.
    pub failed_seconds: u64,
}

const ONLINE: &str =
    "SELECT COUNT(*) FROM observatory_relays WHERE status = 'online' AND state = 'relay'";

/// Programs of relays that are online.
///
/// # Errors
/// Those of the records.
pub(crate) async fn software(records: &Database, most: usize) -> Result<Software, Error> {
    let most = limit(most);
    let (online, rows) = records
        .read(move |tx| {
            let (online,): (i64,) = tx.fetch_one(ONLINE, ())?;
            let rows: Vec<(Option<String>, Option<String>, i64)> = tx.fetch_all(
                "SELECT software, version, COUNT(*) AS relays FROM observatory_relays
                 WHERE status = 'online' AND state = 'relay' GROUP BY software, version
                 ORDER BY relays DESC, COALESCE(software, ''), COALESCE(version, '') LIMIT ?",
                (most,),
            )?;
            Ok::<_, Error>((online, rows))
        })
        .await?;
    let row = |(software, version, relays)| SoftwareCount {
        software,
        version,
        relays: read(relays),
    };
    Ok(Software {
        relays: read(online),
        software: rows.into_iter().map(row).collect(),
    })
}

/// NIPs of relays that are online.
///
/// # Errors
/// Those of the records.
pub(crate) async fn nips(records: &Database, most: usize) -> Result<NipAdoption, Error> {
    let most = limit(most);
    let (online, rows) = records
        .read(move |tx| {
            let (online,): (i64,) = tx.fetch_one(ONLINE, ())?;
            let rows: Vec<(i64, i64)> = tx.fetch_all(
                "SELECT n.nip, COUNT(*) FROM observatory_nips n JOIN observatory_relays r ON r.id = n.relay
                 WHERE r.status = 'online' AND r.state = 'relay' GROUP BY n.nip ORDER BY n.nip LIMIT ?",
                (most,),
            )?;
            Ok::<_, Error>((online, rows))
        })
        .await?;
    let row = |(nip, relays)| NipCount {
        nip,
        relays: read(relays),
    };
    Ok(NipAdoption {
        relays: read(online),
        nips: rows.into_iter().map(row).collect(),
    })
}

/// Coverage by relay, in the order of their numbers, from the one after `after` on; with a state, of the relays that have any time in it.
///
/// # Errors
/// Those of the records.
pub(crate) async fn coverage(
    records: &Database,
    state: Option<&'static str>,
    after: i64,
    most: usize,
) -> Result<Vec<RelayCoverage>, Error> {
    let state = state.unwrap_or_default();
    let rows: Vec<(i64, String, String, i64)> = records
        .fetch_all(
            "SELECT c.relay, r.url, c.state, CAST(SUM(c.until - c.since + 1) AS BIGINT)
             FROM observatory_coverage c JOIN observatory_relays r ON r.id = c.relay
             WHERE c.relay IN (SELECT DISTINCT relay FROM observatory_coverage WHERE relay > ? AND (? = '' OR state = ?)
             ORDER BY relay LIMIT ?)
             GROUP BY c.relay, r.url, c.state ORDER BY c.relay, c.state",
            (after, state, state, limit(most)),
        )
        .await?;
    let mut relays: Vec<RelayCoverage> = Vec::new();
    for (relay, url, state, seconds) in rows {
        if relays.last().is_none_or(|last| last.relay != relay) {
            relays.push(RelayCoverage {
                relay,
                url,
                ..RelayCoverage::default()
            });
        }
        let Some(last) = relays.last_mut() else {
            continue;
        };
        let seconds = read(seconds);
        match state.as_str() {
            "complete" => last.complete_seconds = seconds,
            "capped" => last.capped_seconds = seconds,
            "refused" => last.refused_seconds = seconds,
            _ => last.failed_seconds += seconds,
        }
    }
    Ok(relays)
}
