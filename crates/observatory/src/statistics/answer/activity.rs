//! What was published: events by kind and day, authors by period.

use serde::Serialize;
use stentor_sql::{Database, Error, Value, placeholders};
use utoipa::ToSchema;

use super::limit;
use crate::clock::read;
use crate::statistics::period::{ABSURD, Period};

/// Events of a kind on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KindDay {
    /// The day by the authors' times, as the number of days since 1 January 1970 (UTC); -1: the time cannot be true.
    pub day: i64,
    /// The kind.
    pub kind: u16,
    /// Events in the archive.
    pub events: u64,
    /// Their bytes in canonical JSON.
    pub bytes: u64,
}

/// Authors of events of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActiveAuthors {
    /// Its first day, as the number of days since 1 January 1970 (UTC).
    pub start: i64,
    /// Authors of events of this time, without those of gift wraps.
    pub authors: u64,
}

/// Authors by the day of their first event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NewAuthors {
    /// The day, as the number of days since 1 January 1970 (UTC).
    pub day: i64,
    /// Authors whose oldest event was made on it.
    pub authors: u64,
}

/// Most kinds that can be asked for at once.
pub(crate) const MOST_KINDS: usize = 100;

/// Events by day and kind, from one day to another (both included), of these kinds (none: all), in the order of day and kind, after
/// `after`.
///
/// # Errors
/// Those of the records.
pub(crate) async fn kinds(
    records: &Database,
    from_day: i64,
    to_day: i64,
    kinds: &[u16],
    after: Option<(i64, u16)>,
    most: usize,
) -> Result<Vec<KindDay>, Error> {
    let (day, kind) = after.map_or((i64::MIN, -1), |(day, kind)| (day, i64::from(kind)));
    let mut sql = "SELECT day, kind, events, bytes FROM observatory_kinds
         WHERE day >= ? AND day <= ? AND (day > ? OR (day = ? AND kind > ?)) AND events > 0"
        .to_owned();
    let mut values: Vec<Value> = [from_day, to_day, day, day, kind].map(Value::from).into();
    if !kinds.is_empty() {
        let kinds = kinds.iter().take(MOST_KINDS);
        sql.push_str(&format!(" AND kind IN ({})", placeholders(kinds.len())));
        values.extend(kinds.map(|kind| Value::from(*kind)));
    }
    sql.push_str(" ORDER BY day, kind LIMIT ?");
    values.push(limit(most).into());
    let rows: Vec<(i64, u16, i64, i64)> = records
        .fetch_all(std::borrow::Cow::Owned(sql), values)
        .await?;
    let row = |(day, kind, events, bytes)| KindDay {
        day,
        kind,
        events: read(events),
        bytes: read(bytes),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Events or authors of parts of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartSum {
    /// The first day of the part, as the number of days since 1 January 1970 (UTC).
    pub day: i64,
    /// How many.
    pub count: u64,
}

/// Most parts of the time that sums are told of.
const MOST_PARTS: i64 = 400;

/// Events by parts of `step` days (at least one), from one day to another (both included), ascending; parts without any are left out.
/// At most 400 parts.
///
/// # Errors
/// Those of the records.
pub(crate) async fn event_sums(
    records: &Database,
    days: (i64, i64),
    step: i64,
) -> Result<Vec<PartSum>, Error> {
    const SQL: &str =
        "SELECT (day - ?1) / ?2 AS part, CAST(SUM(events) AS BIGINT) FROM observatory_kinds
         WHERE day >= ?1 AND day <= ?3 AND events > 0 GROUP BY 1 ORDER BY 1 LIMIT ?4";
    sums(records, SQL, days, step).await
}

/// New authors, likewise.
///
/// # Errors
/// Those of the records.
pub(crate) async fn new_author_sums(
    records: &Database,
    days: (i64, i64),
    step: i64,
) -> Result<Vec<PartSum>, Error> {
    const SQL: &str =
        "SELECT (day - ?1) / ?2 AS part, CAST(SUM(authors) AS BIGINT) FROM observatory_new_authors
         WHERE day >= ?1 AND day <= ?3 AND authors > 0 GROUP BY 1 ORDER BY 1 LIMIT ?4";
    sums(records, SQL, days, step).await
}

async fn sums(
    records: &Database,
    sql: &'static str,
    (from, to): (i64, i64),
    step: i64,
) -> Result<Vec<PartSum>, Error> {
    let (from, step) = (from.max(ABSURD + 1), step.max(1));
    let rows: Vec<(i64, i64)> = records.fetch_all(sql, (from, step, to, MOST_PARTS)).await?;
    let row = |(part, count): (i64, i64)| PartSum {
        day: from + part * step,
        count: read(count),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Events by kind, from one day to another (both included), the most frequent kinds first; at most `most` kinds.
///
/// # Errors
/// Those of the records.
pub(crate) async fn kind_sums(
    records: &Database,
    (from, to): (i64, i64),
    most: usize,
) -> Result<Vec<(u16, u64)>, Error> {
    let rows: Vec<(u16, i64)> = records
        .fetch_all(
            "SELECT kind, CAST(SUM(events) AS BIGINT) FROM observatory_kinds WHERE day >= ? AND day <= ? AND events > 0
             GROUP BY kind ORDER BY 2 DESC, 1 LIMIT ?",
            (from, to, limit(most)),
        )
        .await?;
    let row = |(kind, events)| (kind, read(events));
    Ok(rows.into_iter().map(row).collect())
}

/// The first and the last day that have events whose time may be true; nothing where there are none.
///
/// # Errors
/// Those of the records.
pub(crate) async fn days_with_events(records: &Database) -> Result<Option<(i64, i64)>, Error> {
    let (first, last): (Option<i64>, Option<i64>) = records
        .fetch_one(
            "SELECT MIN(day), MAX(day) FROM observatory_kinds WHERE day > ? AND events > 0",
            (ABSURD,),
        )
        .await?;
    Ok(first.zip(last))
}

/// Active authors of periods that begin from one day to another (both included), ascending.
///
/// # Errors
/// Those of the records.
pub(crate) async fn active_authors(
    records: &Database,
    period: Period,
    from_day: i64,
    to_day: i64,
    most: usize,
) -> Result<Vec<ActiveAuthors>, Error> {
    let rows: Vec<(i64, i64)> = records
        .fetch_all(
            "SELECT start, count FROM observatory_active WHERE period = ? AND start >= ? AND start <= ? ORDER BY start LIMIT ?",
            (period.as_str(), from_day, to_day, limit(most)),
        )
        .await?;
    let row = |(start, count)| ActiveAuthors {
        start,
        authors: read(count),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// New authors by day, from one day to another (both included), ascending.
///
/// # Errors
/// Those of the records.
pub(crate) async fn new_authors(
    records: &Database,
    from_day: i64,
    to_day: i64,
    most: usize,
) -> Result<Vec<NewAuthors>, Error> {
    let rows: Vec<(i64, i64)> = records
        .fetch_all(
            "SELECT day, authors FROM observatory_new_authors WHERE day >= ? AND day <= ? AND authors > 0 ORDER BY day LIMIT ?",
            (from_day.max(ABSURD + 1), to_day, limit(most)),
        )
        .await?;
    let row = |(day, authors)| NewAuthors {
        day,
        authors: read(authors),
    };
    Ok(rows.into_iter().map(row).collect())
}
