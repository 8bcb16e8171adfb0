//! Sums of each day, which are kept for ever.

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row, Transaction};
use utoipa::ToSchema;

use super::entry::Entry;
use super::uptime::DAY_MS;
use crate::check::Verdict;
use crate::clock::{read, stored};
use crate::table::RelayId;

/// Most days that are read at once.
const MOST: u64 = 400;

/// The checks of a relay on one day that say something of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RelayDay)]
pub(crate) struct Day {
    /// Days since 1970, in UTC.
    pub day: u64,
    /// How many there were.
    pub checks: u64,
    /// How many of them found it online.
    pub online: u64,
    /// The sum of their times to open, in milliseconds.
    pub open_sum: u64,
    /// The sum of their times to read, in milliseconds.
    pub read_sum: u64,
    /// How many of them have one.
    pub read_count: u64,
}

impl FromRow for Day {
    fn from_row(row: Row) -> Result<Self, Error> {
        let number = |name: &str| row.get::<i64>(name).map(read);
        Ok(Self {
            day: number("day")?,
            checks: number("checks")?,
            online: number("online")?,
            open_sum: number("open_sum")?,
            read_sum: number("read_sum")?,
            read_count: number("read_count")?,
        })
    }
}

/// Adds a check to its day.
pub(super) fn add(tx: &mut Transaction<'_>, entry: &Entry) -> Result<(), Error> {
    let findings = &entry.findings;
    let online = findings.verdict == Verdict::Online;
    let of_online = |value: Option<u64>| if online { value.unwrap_or(0) } else { 0 };
    tx.execute(
        "INSERT INTO observatory_days (relay, day, checks, online, open_sum, read_sum, read_count) VALUES (?, ?, 1, ?, ?, ?, ?)
         ON CONFLICT (relay, day) DO UPDATE SET checks = observatory_days.checks + 1, online = observatory_days.online + excluded.online,
         open_sum = observatory_days.open_sum + excluded.open_sum, read_sum = observatory_days.read_sum + excluded.read_sum,
         read_count = observatory_days.read_count + excluded.read_count",
        (
            entry.relay.0,
            stored(entry.at_ms / DAY_MS),
            i64::from(online),
            stored(of_online(findings.open_ms)),
            stored(of_online(findings.read_ms)),
            i64::from(online && findings.read_ms.is_some()),
        ),
    )?;
    Ok(())
}

/// The days of a relay from one on, oldest first.
pub(super) fn since(tx: &mut Transaction<'_>, relay: RelayId, day: u64) -> Result<Vec<Day>, Error> {
    tx.fetch_all(
        "SELECT day, checks, online, open_sum, read_sum, read_count FROM observatory_days
         WHERE relay = ? AND day >= ? ORDER BY day LIMIT ?",
        (relay.0, stored(day), stored(MOST)),
    )
}

/// The last `days` days of a relay (at most 400) until now, oldest first. Days without a check are not among them.
///
/// # Errors
/// Those of the records.
pub(crate) async fn uptime_days(
    records: &Database,
    relay: RelayId,
    days: u64,
    now_ms: u64,
) -> Result<Vec<Day>, Error> {
    let first = (now_ms / DAY_MS + 1).saturating_sub(days.min(MOST));
    records
        .fetch_all(
            "SELECT day, checks, online, open_sum, read_sum, read_count FROM observatory_days
             WHERE relay = ? AND day >= ? ORDER BY day LIMIT ?",
            (relay.0, stored(first), stored(MOST)),
        )
        .await
}
