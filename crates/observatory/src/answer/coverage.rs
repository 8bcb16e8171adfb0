//! What has been asked of whom, and what came of it (O3.2).

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row, Value};
use utoipa::ToSchema;

use super::csv::Table;
use super::parameters::{AskError, Parameters, wrong};
use super::place::{Part, Place};
use super::relay_query::word;
use super::rows::{Conditions, digest, number};
use crate::clock::stored;
use crate::table::RelayId;

/// How a time was covered.
pub(super) const STATES: [&str; 4] = ["complete", "capped", "refused", "failed"];

/// A time that a relay was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Interval {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// What was asked for: a filter of NIP-01.
    pub filter: String,
    /// Its first second.
    pub since: u64,
    /// Its last second.
    pub until: u64,
    /// `complete`, `capped`, `refused` or `failed`.
    pub state: String,
    /// Why it is not complete.
    pub reason: Option<String>,
    /// How it was asked for.
    pub method: Option<String>,
    /// How many events there were.
    pub events: u64,
    /// When that was, in Unix milliseconds.
    pub at_ms: u64,
    #[serde(skip)]
    #[schema(ignore)]
    number: i64,
}

#[cfg(test)]
impl Interval {
    /// One for tests of what shows it.
    pub fn test(filter: &str, state: &str, reason: &str) -> Self {
        Self {
            relay: 7,
            url: "wss://r7.example/".to_owned(),
            filter: filter.to_owned(),
            since: 0,
            until: 9,
            state: state.to_owned(),
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            method: None,
            events: 0,
            at_ms: 1,
            number: 1,
        }
    }
}

impl FromRow for Interval {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            relay: row.get("relay")?,
            url: row.get("url")?,
            filter: row.get("text")?,
            since: number(&row, "since")?,
            until: number(&row, "until")?,
            state: row.get("state")?,
            reason: row.get("reason")?,
            method: row.get("method")?,
            events: number(&row, "events")?,
            at_ms: number(&row, "at_ms")?,
            number: row.get("filter")?,
        })
    }
}

/// A page of coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CoveragePage {
    /// By relay, filter and time. What lies in none was never asked for.
    pub intervals: Vec<Interval>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

impl Table for CoveragePage {
    const ROWS: &'static str = "intervals";
    const COLUMNS: &'static [&'static str] = &[
        "relay", "url", "filter", "since", "until", "state", "reason", "method", "events", "at_ms",
    ];
}

/// Which coverage is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoverageQuery {
    state: Option<&'static str>,
    limit: u32,
    after: Option<String>,
}

impl CoverageQuery {
    /// The first rows, in any state.
    pub const fn first(limit: u32) -> Self {
        Self {
            state: None,
            limit,
            after: None,
        }
    }

    /// Takes it from the parameters.
    pub fn read(parameters: &mut Parameters) -> Result<Self, AskError> {
        Ok(Self {
            state: word(parameters, "state", &STATES, |state| state)?,
            limit: parameters.limit()?,
            after: parameters.text("after")?,
        })
    }
}

/// The coverage of a relay, or of all.
pub(crate) async fn coverage(
    records: &Database,
    relay: Option<RelayId>,
    query: &CoverageQuery,
) -> Result<CoveragePage, AskError> {
    let of = relay.map_or_else(|| "all".to_owned(), |relay| relay.0.to_string());
    let list = format!("coverage:{}", digest(&format!("{of} {:?}", query.state)));
    let mut conditions = Conditions::default();
    if let Some(relay) = relay {
        conditions.add("v.relay = ?", relay.0);
    }
    if let Some(state) = query.state {
        conditions.add("v.state = ?", state);
    }
    if let Some(after) = &query.after {
        let place = Place::read(after, &list, b"iii").map_err(|error| wrong("after", error))?;
        let place = place.into_iter().map(Value::from);
        conditions.add_all("(v.relay, v.filter, v.since) > (?, ?, ?)", place);
    }
    let (conditions, mut values) = conditions.into_parts();
    values.push(i64::from(query.limit + 1).into());
    let sql = format!(
        "SELECT v.relay, r.url, v.filter, f.filter AS text, v.since, v.until, v.state, v.reason, v.method, v.events, v.at_ms
         FROM observatory_coverage v JOIN observatory_relays r ON r.id = v.relay JOIN observatory_filters f ON f.id = v.filter
         {conditions} ORDER BY v.relay, v.filter, v.since LIMIT ?"
    );
    let mut intervals: Vec<Interval> = records
        .fetch_all(std::borrow::Cow::Owned(sql), values)
        .await?;
    let limit = query.limit as usize;
    let more = intervals.len() > limit;
    intervals.truncate(limit);
    let next = intervals.last().filter(|_| more).map(|last| {
        let numbers = [last.relay, last.number, stored(last.since)];
        let parts = numbers.map(Part::Integer).into();
        Place { list, parts }.text()
    });
    Ok(CoveragePage { intervals, next })
}

/// How much of a relay is covered, by filter and state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Covered {
    /// What was asked for: a filter of NIP-01.
    pub filter: String,
    /// `complete`, `capped`, `refused` or `failed`.
    pub state: String,
    /// How many seconds.
    pub seconds: u64,
    /// In how many pieces.
    pub intervals: u64,
    /// How many events there were.
    pub events: u64,
    /// The first second.
    pub since: u64,
    /// The last second.
    pub until: u64,
}

impl FromRow for Covered {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            filter: row.get("filter")?,
            state: row.get("state")?,
            seconds: number(&row, "seconds")?,
            intervals: number(&row, "intervals")?,
            events: number(&row, "events")?,
            since: number(&row, "since")?,
            until: number(&row, "until")?,
        })
    }
}

/// The coverage of a relay in sums, of at most 100 filters and states.
pub(super) async fn covered(records: &Database, relay: RelayId) -> Result<Vec<Covered>, Error> {
    records
        .fetch_all(
            "SELECT f.filter, v.state, CAST(SUM(v.until - v.since + 1) AS BIGINT) AS seconds, COUNT(*) AS intervals,
             CAST(SUM(v.events) AS BIGINT) AS events, MIN(v.since) AS since, MAX(v.until) AS until
             FROM observatory_coverage v JOIN observatory_filters f ON f.id = v.filter
             WHERE v.relay = ? GROUP BY f.id, f.filter, v.state ORDER BY f.id, v.state LIMIT 100",
            (relay.0,),
        )
        .await
}
