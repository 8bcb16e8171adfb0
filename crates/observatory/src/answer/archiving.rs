//! How the archive stands with each relay: the one most behind first.

use std::collections::BTreeMap;

use serde::Serialize;
use stentor_sql::{Error, FromRow, Row, Value};
use utoipa::ToSchema;

use super::csv::Table;
use super::parameters::{AskError, Parameters, wrong};
use super::place::{Part, Place};
use super::rows::{Conditions, maybe, number};
use crate::archive::{Task, is_named};
use crate::clock::stored;
use crate::config;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;

/// The list, in cursors.
const LIST: &str = "archiving";

/// How the archive stands with a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// What is done about it: `fetching`, `waiting` (for its turn), `resting` (nothing is left to ask until `next_ms`), `failed` (tried
    /// again at `next_ms`), `offline`, or `left_out` (by the configuration).
    pub doing: &'static str,
    /// Whether it is followed live.
    pub live: bool,
    /// Whether the configuration puts it first.
    pub first: bool,
    /// Whether it says that it shuts down.
    pub leaving: bool,
    /// `unknown`, `online` or `offline`.
    pub status: String,
    /// Why it is offline, in a word.
    pub reason: Option<String>,
    /// Seconds of its past that are not had, and not known not to be had, over all filters.
    pub behind_seconds: u64,
    /// How it is asked.
    pub method: Option<String>,
    /// Events that it gives at once, as far as that showed.
    pub page_limit: Option<u64>,
    /// When it is next visited, in Unix milliseconds.
    pub next_ms: u64,
    /// Failed visits in a row.
    pub failures: u64,
    /// When it was last visited, in Unix milliseconds.
    pub last_ms: Option<u64>,
    /// What came of that, in a word or two.
    pub last_outcome: Option<String>,
    /// Events that came from it first.
    pub events: u64,
    /// Events that were there.
    pub duplicates: u64,
    /// Events that were not taken.
    pub rejected: u64,
    /// Bytes that it has sent.
    pub bytes: u64,
    /// Events of the archive that no other relay is known to hold.
    pub exclusive: u64,
}

impl FromRow for Standing {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            relay: row.get("relay")?,
            url: row.get("url")?,
            leaving: row.get("leaving")?,
            status: row.get("status")?,
            reason: row.get("reason")?,
            behind_seconds: number(&row, "behind")?,
            method: row.get("method")?,
            page_limit: maybe(&row, "page_limit")?,
            next_ms: number(&row, "next_ms")?,
            failures: number(&row, "failures")?,
            last_ms: maybe(&row, "last_ms")?,
            last_outcome: row.get("last_outcome")?,
            events: number(&row, "events")?,
            duplicates: number(&row, "duplicates")?,
            rejected: number(&row, "rejected")?,
            bytes: number(&row, "bytes")?,
            exclusive: number(&row, "exclusive")?,
            ..Self::default()
        })
    }
}

/// A page of relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ArchivingPage {
    /// The one most behind first.
    pub relays: Vec<Standing>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

impl Table for ArchivingPage {
    const ROWS: &'static str = "relays";
    const COLUMNS: &'static [&'static str] = &[
        "relay",
        "url",
        "doing",
        "live",
        "first",
        "leaving",
        "status",
        "reason",
        "behind_seconds",
        "method",
        "page_limit",
        "next_ms",
        "failures",
        "last_ms",
        "last_outcome",
        "events",
        "duplicates",
        "rejected",
        "bytes",
        "exclusive",
    ];
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchivingQuery {
    /// Rows of the page.
    pub limit: u32,
    /// Where the page begins; that of a page before.
    pub after: Option<String>,
}

impl ArchivingQuery {
    /// Takes it from the parameters.
    pub fn read(parameters: &mut Parameters) -> Result<Self, AskError> {
        Ok(Self {
            limit: parameters.limit()?,
            after: parameters.text("after")?,
        })
    }
}

/// How the archive stands with relays.
pub(crate) async fn archiving(
    ground: &Ground,
    query: &ArchivingQuery,
) -> Result<ArchivingPage, AskError> {
    let mut conditions = Conditions::default();
    conditions.add("r.state = ?", "relay");
    if let Some(after) = &query.after {
        let place = Place::read(after, LIST, b"ii").map_err(|error| wrong("after", error))?;
        let [Part::Integer(behind), Part::Integer(relay)] = place.as_slice() else {
            return Err(wrong("after", "not a cursor"));
        };
        let values = [*behind, *behind, *relay].map(Value::from);
        conditions.add_all("(a.behind < ? OR (a.behind = ? AND a.relay > ?))", values);
    }
    let (conditions, mut values) = conditions.into_parts();
    values.push(i64::from(query.limit + 1).into());
    let sql = format!(
        "SELECT a.relay, r.url, r.status, r.reason, a.leaving, a.behind, a.method, a.page_limit, a.next_ms, a.failures, a.last_ms,
         a.last_outcome, a.events, a.duplicates, a.rejected, a.bytes, COALESCE(c.exclusive, 0) AS exclusive
         FROM observatory_archiving a JOIN observatory_relays r ON r.id = a.relay
         LEFT JOIN observatory_relay_counts c ON c.relay = a.relay {conditions} ORDER BY a.behind DESC, a.relay LIMIT ?"
    );
    let sql = std::borrow::Cow::Owned(sql);
    let mut relays: Vec<Standing> = ground.records.fetch_all(sql, values).await?;
    let limit = query.limit as usize;
    let more = relays.len() > limit;
    relays.truncate(limit);
    let next = relays.last().filter(|_| more).map(|last| {
        let parts = [stored(last.behind_seconds), last.relay];
        let (list, parts) = (LIST.to_owned(), parts.map(Part::Integer).into());
        Place { list, parts }.text()
    });
    let now = Now {
        config: &ground.config.archive,
        fetching: ground.activity.relays(Task::Fetching),
        live: ground.activity.relays(Task::Live),
        now_ms: ground.clock.now_ms(),
    };
    for relay in &mut relays {
        now.tell(relay);
    }
    Ok(ArchivingPage { relays, next })
}

/// What is not in the records.
struct Now<'a> {
    config: &'a config::Archive,
    fetching: BTreeMap<RelayId, u64>,
    live: BTreeMap<RelayId, u64>,
    now_ms: u64,
}

impl Now<'_> {
    /// Adds it to what the records say.
    fn tell(&self, standing: &mut Standing) {
        let url = RelayUrl::parse(&standing.url).ok();
        let named = |list: &[String]| url.as_ref().is_some_and(|url| is_named(list, url));
        let relay = RelayId(standing.relay);
        standing.live = self.live.contains_key(&relay);
        standing.first = named(&self.config.first);
        standing.doing = match &*standing {
            _ if url.is_none() || named(&self.config.never) => "left_out",
            _ if self.fetching.contains_key(&relay) => "fetching",
            one if one.status == "offline" => "offline",
            one if one.next_ms <= self.now_ms => "waiting",
            one if one.failures > 0 => "failed",
            _ => "resting",
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_6_why_a_relay_is_not_fetched_is_told() {
        let config = config::Archive {
            first: vec!["wss://a.example".into()],
            never: vec!["wss://never.example/".into()],
            ..config::Archive::default()
        };
        let now = Now {
            config: &config,
            fetching: BTreeMap::from([(RelayId(1), 5), (RelayId(9), 5)]),
            live: BTreeMap::from([(RelayId(2), 5)]),
            now_ms: 1_000,
        };
        let told = |relay, url: &str, status: &str, next_ms, failures| {
            let mut standing = Standing {
                relay,
                url: url.to_owned(),
                status: status.to_owned(),
                next_ms,
                failures,
                ..Standing::default()
            };
            now.tell(&mut standing);
            (standing.doing, standing.live, standing.first)
        };
        let a = "wss://a.example/";
        assert_eq!(told(1, a, "online", 0, 0), ("fetching", false, true));
        assert_eq!(told(2, a, "online", 0, 0), ("waiting", true, true));
        assert_eq!(told(3, a, "offline", 0, 0), ("offline", false, true));
        assert_eq!(told(3, a, "online", 2_000, 3), ("failed", false, true));
        assert_eq!(told(3, a, "unknown", 2_000, 0), ("resting", false, true));
        let never = "wss://never.example/";
        assert_eq!(told(9, never, "online", 0, 0), ("left_out", false, false));
    }
}
