//! Coverage in the records.

use stentor_peer::Window;
use stentor_sql::{Database, Error, Transaction};

use super::coverage::{Change, Coverage, Interval, Intervals, MOST, Method};
use crate::clock::{read, stored};
use crate::table::RelayId;

/// The number of a filter, by which its coverage is kept: coverage of one filter says nothing of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FilterId(pub i64);

/// The number of a filter in its canonical JSON; it is given one when it has none.
///
/// # Errors
/// Those of the records.
pub(crate) async fn filter_id(records: &Database, filter: String) -> Result<FilterId, Error> {
    let id = records.write(move |tx| {
        tx.execute(
            "INSERT INTO observatory_filters (id, filter)
             SELECT COALESCE(MAX(id), 0) + 1, ? FROM observatory_filters WHERE true ON CONFLICT (filter) DO NOTHING",
            (filter.clone(),),
        )?;
        let sql = "SELECT id FROM observatory_filters WHERE filter = ?";
        let (id,): (i64,) = tx.fetch_one(sql, (filter.clone(),))?;
        Ok::<_, Error>(id)
    });
    Ok(FilterId(id.await?))
}

/// A row: since, until, state, reason, method, events, time.
type Row = (i64, i64, String, Option<String>, Option<String>, i64, i64);

/// What is known of a relay by a filter.
///
/// # Errors
/// Those of the records.
pub(crate) async fn intervals(
    records: &Database,
    relay: RelayId,
    filter: FilterId,
) -> Result<Intervals, Error> {
    // A window adds a handful beyond the bound before it is noticed; what would still be left out is asked for again.
    let most = i64::try_from(MOST * 2).unwrap_or(i64::MAX);
    let rows: Vec<Row> = records
        .fetch_all(
            "SELECT since, until, state, reason, method, events, at_ms FROM observatory_coverage
             WHERE relay = ? AND filter = ? ORDER BY since DESC LIMIT ?",
            (relay.0, filter.0, most),
        )
        .await?;
    let intervals = rows.into_iter().filter_map(|row| {
        let (since, until, state, reason, method, events, at_ms) = row;
        Some(Interval {
            window: Window {
                since: read(since),
                until: read(until),
            },
            state: Coverage::parse(&state)?,
            reason: reason.map(Into::into),
            method: method.as_deref().and_then(Method::parse),
            events: read(events),
            at_ms: read(at_ms),
        })
    });
    Ok(Intervals::new(intervals))
}

/// Writes what has changed. Whatever else overlaps it gives way: a transaction of a service that was dropped may have been written after
/// the one that came after it had read what there was.
///
/// # Errors
/// Those of the records.
pub(crate) fn write(
    tx: &mut Transaction<'_>,
    relay: RelayId,
    filter: FilterId,
    change: &Change,
) -> Result<(), Error> {
    for since in &change.gone {
        tx.execute(
            "DELETE FROM observatory_coverage WHERE relay = ? AND filter = ? AND since = ?",
            (relay.0, filter.0, stored(*since)),
        )?;
    }
    for interval in &change.written {
        let (since, until) = (stored(interval.window.since), stored(interval.window.until));
        tx.execute(
            "DELETE FROM observatory_coverage WHERE relay = ? AND filter = ? AND since > ? AND since <= ?",
            (relay.0, filter.0, since, until),
        )?;
        tx.execute(
            "UPDATE observatory_coverage SET until = ?3 - 1 WHERE relay = ?1 AND filter = ?2 AND since < ?3 AND until >= ?3",
            (relay.0, filter.0, since),
        )?;
        tx.execute(
            "INSERT INTO observatory_coverage (relay, filter, since, until, state, reason, method, events, at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (relay, filter, since) DO UPDATE SET until = excluded.until, state = excluded.state,
                 reason = excluded.reason, method = excluded.method, events = excluded.events, at_ms = excluded.at_ms",
            (
                relay.0,
                filter.0,
                since,
                until,
                interval.state.as_str(),
                interval.reason.as_deref().map(str::to_owned),
                interval.method.map(Method::as_str),
                stored(interval.events),
                stored(interval.at_ms),
            ),
        )?;
    }
    Ok(())
}
