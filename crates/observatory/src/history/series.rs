//! Checks as a chart shows them: a bounded number of points, whatever the time.

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row};
use utoipa::ToSchema;

use crate::clock::{read, stored};
use crate::table::{RelayId, Status};

/// Most points of a series.
pub(crate) const MOST_POINTS: u64 = 500;

/// The checks of a part of the time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SeriesPoint)]
pub(crate) struct Point {
    /// When the part begins, in Unix milliseconds.
    pub at_ms: u64,
    /// The mean time to open, in milliseconds; `None` where it was not measured.
    pub open_ms: Option<f64>,
    /// The mean time to read, likewise.
    pub read_ms: Option<f64>,
    /// The mean time to write, likewise.
    pub write_ms: Option<f64>,
    /// The share of checks that found the relay online; `None` where none says anything of it.
    pub online: Option<f64>,
    /// How many checks there were.
    pub checks: u64,
}

impl FromRow for Point {
    fn from_row(row: Row) -> Result<Self, Error> {
        let telling = read(row.get("telling")?);
        let online = read(row.get("online")?);
        Ok(Self {
            at_ms: read(row.get("part")?),
            open_ms: row.get("open_ms")?,
            read_ms: row.get("read_ms")?,
            write_ms: row.get("write_ms")?,
            online: (telling > 0).then(|| online as f64 / telling as f64),
            checks: read(row.get("checks")?),
        })
    }
}

/// The checks of a relay from `from_ms` on and before `to_ms`, in at most `points` parts (and never more than 500) of the same length,
/// oldest first. Parts without a check are left out. What is older than `keep_days` is not there; see
/// [`uptime_days`](super::uptime_days).
///
/// # Errors
/// Those of the records.
pub(crate) async fn series(
    records: &Database,
    relay: RelayId,
    from_ms: u64,
    to_ms: u64,
    points: u64,
) -> Result<Vec<Point>, Error> {
    let points = points.clamp(1, MOST_POINTS);
    let part = to_ms.saturating_sub(from_ms).div_ceil(points).max(1);
    let found: Vec<Point> = records
        .fetch_all(
            "SELECT (at_ms - ?1) / ?2 AS part, CAST(AVG(open_ms) AS DOUBLE PRECISION) AS open_ms,
             CAST(AVG(read_ms) AS DOUBLE PRECISION) AS read_ms, CAST(AVG(write_ms) AS DOUBLE PRECISION) AS write_ms,
             COUNT(online) AS telling, COUNT(CASE WHEN online THEN 1 END) AS online, COUNT(*) AS checks
             FROM observatory_checks WHERE relay = ?3 AND at_ms >= ?1 AND at_ms < ?4 GROUP BY 1 ORDER BY 1 LIMIT ?5",
            (
                stored(from_ms),
                stored(part),
                relay.0,
                stored(to_ms),
                stored(points),
            ),
        )
        .await?;
    let at = |number: u64| from_ms.saturating_add(number.saturating_mul(part));
    Ok(found
        .into_iter()
        .map(|point| Point {
            at_ms: at(point.at_ms),
            ..point
        })
        .collect())
}

/// How many relays have each status.
///
/// # Errors
/// Those of the records.
pub(crate) async fn statuses(records: &Database) -> Result<Vec<(Status, u64)>, Error> {
    let rows: Vec<(String, i64)> = records
        .fetch_all(
            "SELECT status, COUNT(*) FROM observatory_relays WHERE state = 'relay' GROUP BY status LIMIT 10",
            (),
        )
        .await?;
    let count = |wanted: Status| {
        let found = rows.iter().find(|(word, _)| Status::parse(word) == wanted);
        found.map_or(0, |(_, count)| read(*count))
    };
    let all = [Status::Unknown, Status::Online, Status::Offline];
    Ok(all.map(|status| (status, count(status))).into())
}
