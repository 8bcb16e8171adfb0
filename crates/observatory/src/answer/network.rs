//! The network in figures.

use serde::Serialize;
use stentor_sql::{Database, Error};
use utoipa::ToSchema;

use super::parameters::AskError;
use crate::clock::read;
use crate::ground::Ground;
use crate::history;

/// Names in a list of the most frequent.
const TOP: i64 = 20;
/// Days of events.
const DAYS: i64 = 30;

/// How many relays have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Share {
    /// What: a word, a name or a number.
    pub name: String,
    /// How many relays.
    pub relays: u64,
}

/// How many events a day has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DayEvents {
    /// Days since 1970, in UTC.
    pub day: u64,
    /// Events of the archive that say they were made then.
    pub events: u64,
}

/// The network in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Network {
    /// URLs that were mentioned and have not spoken Nostr.
    pub candidates: u64,
    /// Relays by status: `unknown`, `online`, `offline`.
    pub status: Vec<Share>,
    /// Relays that are online, by network.
    pub networks: Vec<Share>,
    /// The most frequent software of those, at most 20.
    pub software: Vec<Share>,
    /// The most frequent countries of those, at most 20.
    pub countries: Vec<Share>,
    /// The NIPs that most of those say they know, at most 20.
    pub nips: Vec<Share>,
    /// Relays that are online and slower than usual.
    pub degraded: u64,
    /// Whether our own network is up, as far as checks have found out: while it is down, they say nothing of relays. Nothing where none
    /// has told yet, or no node runs.
    pub own_network: Option<bool>,
    /// Events in the archive.
    pub events: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Authors of these, as they were counted a minute ago at most. `statistics/totals` has those whose events have all left, too.
    pub authors: u64,
    /// Events by day, of the last 30 days that have any; the newest first.
    pub days: Vec<DayEvents>,
}

/// The network in figures.
pub(crate) async fn network(ground: &Ground) -> Result<Network, AskError> {
    let records = &ground.records;
    let own_network = *ground.signals.own_network().borrow();
    let statuses = history::statuses(records).await?;
    let archive = ground.archive.statistics();
    let today = i64::try_from(ground.clock.now().0 / 86_400).unwrap_or(i64::MAX);
    let days: Vec<(i64, i64)> = records
        .fetch_all(
            "SELECT day, CAST(SUM(events) AS BIGINT) FROM observatory_kinds WHERE day <= ? AND day > ?
             GROUP BY day ORDER BY day DESC LIMIT ?",
            (today, today - DAYS, DAYS),
        )
        .await?;
    let day = |(day, events)| DayEvents {
        day: read(day),
        events: read(events),
    };
    // This goes through all authors.
    let authors = count(
        records,
        "SELECT COUNT(*) FROM observatory_authors WHERE events > 0",
    );
    let authors = ground.authors.get(authors).await?;
    let status = |(status, relays): (crate::table::Status, u64)| Share {
        name: status.as_str().to_owned(),
        relays,
    };
    Ok(Network {
        candidates: count(records, "SELECT COUNT(*) FROM observatory_relays WHERE state = 'candidate'").await?,
        status: statuses.into_iter().map(status).collect(),
        networks: shares(records, BY_NETWORK).await?,
        software: shares(records, BY_SOFTWARE).await?,
        countries: shares(records, BY_COUNTRY).await?,
        nips: shares(records, BY_NIP).await?,
        degraded: count(
            records,
            "SELECT COUNT(*) FROM observatory_relays WHERE status = 'online' AND state = 'relay' AND degraded",
        )
        .await?,
        own_network,
        events: archive.events,
        bytes: archive.live_bytes,
        authors,
        days: days.into_iter().map(day).collect(),
    })
}

const BY_NETWORK: &str =
    "SELECT network, COUNT(*) FROM observatory_relays WHERE status = 'online' AND state = 'relay'
    GROUP BY network ORDER BY 2 DESC, 1 LIMIT ?";
const BY_SOFTWARE: &str =
    "SELECT software, COUNT(*) FROM observatory_relays WHERE status = 'online' AND state = 'relay'
    AND software IS NOT NULL GROUP BY software ORDER BY 2 DESC, 1 LIMIT ?";
const BY_COUNTRY: &str =
    "SELECT country, COUNT(*) FROM observatory_relays WHERE status = 'online' AND state = 'relay'
    AND country IS NOT NULL GROUP BY country ORDER BY 2 DESC, 1 LIMIT ?";
const BY_NIP: &str = "SELECT CAST(n.nip AS TEXT), COUNT(*) FROM observatory_nips n JOIN observatory_relays r ON r.id = n.relay
    WHERE r.status = 'online' AND r.state = 'relay' GROUP BY n.nip ORDER BY 2 DESC, n.nip LIMIT ?";

/// What filters offer to choose from: the most frequent names of relays that are online.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Software.
    pub software: Vec<Share>,
    /// Countries.
    pub countries: Vec<Share>,
}

/// The names that filters offer, at most 20 of each.
pub(crate) async fn names(records: &Database) -> Result<Names, AskError> {
    Ok(Names {
        software: shares(records, BY_SOFTWARE).await?,
        countries: shares(records, BY_COUNTRY).await?,
    })
}

async fn shares(records: &Database, sql: &'static str) -> Result<Vec<Share>, Error> {
    let rows: Vec<(String, i64)> = records.fetch_all(sql, (TOP,)).await?;
    let share = |(name, relays)| Share {
        name,
        relays: read(relays),
    };
    Ok(rows.into_iter().map(share).collect())
}

async fn count(records: &Database, sql: &'static str) -> Result<u64, Error> {
    let (count,): (i64,) = records.fetch_one(sql, ()).await?;
    Ok(read(count))
}
