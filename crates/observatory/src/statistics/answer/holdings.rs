//! Who holds how much.

use serde::{Deserialize, Serialize};
use stentor_sql::{Database, Error};
use utoipa::ToSchema;

use super::limit;
use crate::clock::read;

/// Events by the number of relays that hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Replication {
    /// Relays.
    pub copies: u64,
    /// Events that so many hold.
    pub events: u64,
}

/// What a relay holds of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RelayCount {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// Events of the archive that it holds.
    pub events: u64,
    /// Those of them that no other relay is known to hold.
    pub exclusive: u64,
}

/// By what relays are sorted, the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RelayCountSort {
    /// Events.
    #[default]
    Events,
    /// Events that nobody else holds.
    Exclusive,
}

/// Which relays are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayCountsQuery {
    /// Their order.
    pub sort: RelayCountSort,
    /// The count and the number of the relay that the answer before ended with.
    pub after: Option<(u64, i64)>,
    /// How many.
    pub limit: usize,
}

/// All pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Pairs {
    /// Pairs of a relay and an event.
    pub pairs: u64,
    /// Events that one relay alone holds.
    pub exclusive: u64,
}

/// The histogram of copies, ascending from the number after `after` on.
///
/// # Errors
/// Those of the records.
pub(crate) async fn replication(
    records: &Database,
    after: u64,
    most: usize,
) -> Result<Vec<Replication>, Error> {
    let rows: Vec<(i64, i64)> = records
        .fetch_all(
            "SELECT copies, events FROM observatory_replication WHERE events > 0 AND copies > ? ORDER BY copies LIMIT ?",
            (crate::clock::stored(after), limit(most)),
        )
        .await?;
    let row = |(copies, events)| Replication {
        copies: read(copies),
        events: read(events),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// What relays hold.
///
/// # Errors
/// Those of the records.
pub(crate) async fn relay_counts(
    records: &Database,
    query: &RelayCountsQuery,
) -> Result<Vec<RelayCount>, Error> {
    let sql = match query.sort {
        RelayCountSort::Events => {
            "SELECT c.relay, r.url, c.events, c.exclusive FROM observatory_relay_counts c
             JOIN observatory_relays r ON r.id = c.relay
             WHERE c.events > 0 AND (c.events < ? OR (c.events = ? AND c.relay > ?)) ORDER BY c.events DESC, c.relay LIMIT ?"
        }
        RelayCountSort::Exclusive => {
            "SELECT c.relay, r.url, c.events, c.exclusive FROM observatory_relay_counts c
             JOIN observatory_relays r ON r.id = c.relay
             WHERE c.events > 0 AND (c.exclusive < ? OR (c.exclusive = ? AND c.relay > ?)) ORDER BY c.exclusive DESC, c.relay LIMIT ?"
        }
    };
    let (count, relay) = query.after.unwrap_or((u64::MAX, i64::MIN));
    let count = crate::clock::stored(count);
    let rows: Vec<(i64, String, i64, i64)> = records
        .fetch_all(sql, (count, count, relay, limit(query.limit)))
        .await?;
    let row = |(relay, url, events, exclusive)| RelayCount {
        relay,
        url,
        events: read(events),
        exclusive: read(exclusive),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// How many pairs there are.
///
/// # Errors
/// Those of the records.
pub(crate) async fn pairs(records: &Database) -> Result<Pairs, Error> {
    let (pairs, exclusive): (i64, i64) = records
        .fetch_one(
            "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT), CAST(COALESCE(SUM(exclusive), 0) AS BIGINT)
             FROM observatory_relay_counts",
            (),
        )
        .await?;
    Ok(Pairs {
        pairs: read(pairs),
        exclusive: read(exclusive),
    })
}
