//! Lists of relays.

use serde::Serialize;
use stentor_sql::{Database, Dialect, Error, FromRow, Row, Value};
use utoipa::ToSchema;

use super::csv::Table;
use super::parameters::{AskError, ROWS, wrong};
use super::place::{Part, Place};
use super::relay_query::{RelayQuery, Sort};
use super::rows::{Conditions, digest, maybe, number};

/// What a list tells of a relay. What is missing was not tested, or is not known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RelaySummary {
    /// Its number here.
    pub id: i64,
    /// Its URL.
    pub url: String,
    /// By what network it is reached: `clearnet`, `tor`, `i2p` or `loki`.
    pub network: String,
    /// `relay`, or `candidate` for a URL that has not spoken Nostr yet.
    pub state: String,
    /// `unknown`, `online` or `offline`.
    pub status: String,
    /// Why it is offline, in a word.
    pub reason: Option<String>,
    /// Its name, as it says.
    pub name: Option<String>,
    /// Its software, as it says.
    pub software: Option<String>,
    /// The version of that, as it says.
    pub version: Option<String>,
    /// Where it is: two letters (ISO 3166).
    pub country: Option<String>,
    /// Where it is, as a geohash.
    pub geohash: Option<String>,
    /// Whether it wants to know who asks.
    pub auth_required: Option<bool>,
    /// Whether it wants to be paid.
    pub payment_required: Option<bool>,
    /// Milliseconds to open, at the last check.
    pub open_ms: Option<u64>,
    /// Milliseconds to read, likewise.
    pub read_ms: Option<u64>,
    /// Milliseconds to write, likewise.
    pub write_ms: Option<u64>,
    /// The share of checks over 24 hours that found it online, from 0 to 1.
    pub uptime_day: Option<f64>,
    /// The same over 7 days.
    pub uptime_week: Option<f64>,
    /// The same over 30 days.
    pub uptime_month: Option<f64>,
    /// The same over 90 days.
    pub uptime_quarter: Option<f64>,
    /// Whether it is slower than usual.
    pub degraded: Option<bool>,
    /// How many NIPs it says it knows.
    pub nips: Option<u64>,
    /// How many events of the archive it holds.
    pub events: u64,
    /// How many of these no other relay holds.
    pub exclusive: u64,
    /// When it was found, in Unix milliseconds.
    pub found_ms: u64,
    /// When it was last checked, in Unix milliseconds.
    pub checked_ms: Option<u64>,
    /// When it last answered, in Unix milliseconds.
    pub seen_ms: Option<u64>,
}

/// A page of relays.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RelayPage {
    /// The relays, in the order that was asked for.
    pub relays: Vec<RelaySummary>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

impl Table for RelayPage {
    const ROWS: &'static str = "relays";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "url",
        "network",
        "state",
        "status",
        "reason",
        "name",
        "software",
        "version",
        "country",
        "geohash",
        "auth_required",
        "payment_required",
        "open_ms",
        "read_ms",
        "write_ms",
        "uptime_day",
        "uptime_week",
        "uptime_month",
        "uptime_quarter",
        "degraded",
        "nips",
        "events",
        "exclusive",
        "found_ms",
        "checked_ms",
        "seen_ms",
    ];
}

/// The columns that a summary is read from; `r` is the relay, `c` its counts.
pub(super) const COLUMNS: &str = "r.id, r.url, r.network, r.state, r.status, r.reason, r.name, r.software, r.version, r.country,
    r.geohash, r.auth_required, r.payment_required, r.open_ms, r.read_ms, r.write_ms, r.uptime_day, r.uptime_week, r.uptime_month,
    r.uptime_quarter, r.degraded,
    CASE WHEN r.document IS NULL THEN NULL ELSE (SELECT COUNT(*) FROM observatory_nips n WHERE n.relay = r.id) END AS nip_count, COALESCE(c.events, 0) AS events, COALESCE(c.exclusive, 0) AS exclusive, r.found_ms,
    r.checked_ms, r.seen_ms";
/// Where they are.
pub(super) const FROM: &str =
    "observatory_relays r LEFT JOIN observatory_relay_counts c ON c.relay = r.id";

impl FromRow for RelaySummary {
    fn from_row(row: Row) -> Result<Self, Error> {
        Self::of(&row)
    }
}

impl RelaySummary {
    /// Reads it from a row that may have more columns.
    pub fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            url: row.get("url")?,
            network: row.get("network")?,
            state: row.get("state")?,
            status: row.get("status")?,
            reason: row.get("reason")?,
            name: row.get("name")?,
            software: row.get("software")?,
            version: row.get("version")?,
            country: row.get("country")?,
            geohash: row.get("geohash")?,
            auth_required: row.get("auth_required")?,
            payment_required: row.get("payment_required")?,
            open_ms: maybe(row, "open_ms")?,
            read_ms: maybe(row, "read_ms")?,
            write_ms: maybe(row, "write_ms")?,
            uptime_day: row.get("uptime_day")?,
            uptime_week: row.get("uptime_week")?,
            uptime_month: row.get("uptime_month")?,
            uptime_quarter: row.get("uptime_quarter")?,
            degraded: row.get("degraded")?,
            nips: maybe(row, "nip_count")?,
            events: number(row, "events")?,
            exclusive: number(row, "exclusive")?,
            found_ms: number(row, "found_ms")?,
            checked_ms: maybe(row, "checked_ms")?,
            seen_ms: maybe(row, "seen_ms")?,
        })
    }
}

impl Sort {
    /// What rows are compared by: never nothing. What is not known comes last, whichever way.
    fn key(self, dialect: Dialect, descending: bool) -> String {
        let last = if descending {
            "-1"
        } else {
            "9223372036854775807"
        };
        match self {
            // Byte by byte on both, so that a cursor is good for either.
            Self::Url if dialect == Dialect::Postgres => "(r.url COLLATE \"C\")".to_owned(),
            Self::Url => "r.url".to_owned(),
            Self::Uptime => {
                let last = if descending { "-1.0" } else { "2.0" };
                format!("COALESCE(r.uptime_month, {last})")
            }
            Self::Open => format!("COALESCE(r.open_ms, {last})"),
            Self::Read => format!("COALESCE(r.read_ms, {last})"),
            Self::Events => "COALESCE(c.events, 0)".to_owned(),
            Self::Exclusive => "COALESCE(c.exclusive, 0)".to_owned(),
            Self::Seen => format!("COALESCE(r.seen_ms, {last})"),
            Self::Found => "r.found_ms".to_owned(),
        }
    }

    /// What a cursor has for it.
    const fn kinds(self) -> &'static [u8] {
        match self {
            Self::Url => b"ti",
            Self::Uptime => b"ri",
            _ => b"ii",
        }
    }
}

/// A row with what it is sorted by.
struct Sorted {
    summary: RelaySummary,
    key: Value,
}

impl FromRow for Sorted {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            summary: RelaySummary::of(&row)?,
            key: row.get("sort_key")?,
        })
    }
}

impl Sorted {
    /// The place behind it.
    fn place(&self, list: String) -> Option<String> {
        let key = match &self.key {
            Value::Integer(value) => Part::Integer(*value),
            Value::Real(value) => Part::Real(*value),
            Value::Text(value) => Part::Text(value.clone()),
            _ => return None,
        };
        let parts = vec![key, Part::Integer(self.summary.id)];
        Some(Place { list, parts }.text())
    }
}

/// The relays of a query.
pub(crate) async fn relays(records: &Database, query: &RelayQuery) -> Result<RelayPage, AskError> {
    // A cursor is of one filter and one order.
    let asked = RelayQuery {
        limit: ROWS,
        after: None,
        ..query.clone()
    };
    let list = format!("relays:{}", digest(&asked.written()));
    let key = query.sort.key(records.dialect(), query.descending);
    let mut conditions = conditions(query);
    let (sign, way) = if query.descending {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    if let Some(after) = &query.after {
        let place = Place::read(after, &list, query.sort.kinds());
        let place = place.map_err(|error| wrong("after", error))?;
        conditions.add_all(
            format!("({key}, r.id) {sign} (?, ?)"),
            place.into_iter().map(Value::from),
        );
    }
    let (conditions, mut values) = conditions.into_parts();
    values.push(i64::from(query.limit + 1).into());
    let sql = format!(
        "SELECT {COLUMNS}, {key} AS sort_key FROM {FROM} {conditions} ORDER BY {key} {way}, r.id {way} LIMIT ?"
    );
    let mut rows: Vec<Sorted> = records
        .fetch_all(std::borrow::Cow::Owned(sql), values)
        .await?;
    let limit = query.limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).and_then(|row| row.place(list));
    let relays = rows.into_iter().map(|row| row.summary).collect();
    Ok(RelayPage { relays, next })
}

/// What the relays of a query have in common; never nothing.
pub(super) fn conditions(query: &RelayQuery) -> Conditions {
    let mut all = Conditions::default();
    all.add("r.state = ?", query.state.as_str());
    if let Some(status) = query.status {
        all.add("r.status = ?", status.as_str());
    }
    if let Some(network) = query.network {
        all.add("r.network = ?", network.as_str());
    }
    if let Some(software) = &query.software {
        all.add("r.software = ?", software);
    }
    for (nip, has) in &query.nips {
        let not = if *has { "" } else { "NOT " };
        let among = "EXISTS (SELECT 1 FROM observatory_nips n WHERE n.relay = r.id AND n.nip = ?)";
        all.add(format!("{not}{among}"), i64::from(*nip));
    }
    if let Some(country) = &query.country {
        all.add("r.country = ?", country);
    }
    for (column, wanted) in [
        ("r.auth_required = ?", query.auth_required),
        ("r.payment_required = ?", query.payment_required),
        ("r.degraded = ?", query.degraded),
    ] {
        if let Some(wanted) = wanted {
            all.add(column, wanted);
        }
    }
    if let Some(share) = query.min_uptime {
        all.add("r.uptime_month >= ?", share);
    }
    if let Some(text) = &query.text {
        all.add_named(text);
    }
    all
}
