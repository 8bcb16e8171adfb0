//! Relays and candidates in the records.

use serde::Serialize;
use stentor_sql::{Error, FromRow, Row, Transaction};

use crate::clock::{read, stored};
use crate::relay_url::{Network, RelayUrl};

/// The number of a relay or candidate: dense, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub(crate) struct RelayId(pub i64);

/// Whether something is a relay (O1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// A URL that was mentioned.
    Candidate,
    /// One that spoke Nostr at least once.
    Relay,
}

impl State {
    /// Its word in the records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Relay => "relay",
        }
    }

    /// The state of this word.
    pub fn parse(word: &str) -> Self {
        match word {
            "relay" => Self::Relay,
            _ => Self::Candidate,
        }
    }
}

/// How a relay did in its last check that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Not checked yet.
    Unknown,
    /// It answered.
    Online,
    /// It did not.
    Offline,
}

impl Status {
    /// Its word in the records and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Self {
        match word {
            "online" => Self::Online,
            "offline" => Self::Offline,
            _ => Self::Unknown,
        }
    }
}

/// A relay as most services need it; answers read more of the row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relay {
    /// Its number.
    pub id: RelayId,
    /// Its URL.
    pub url: RelayUrl,
    /// Whether it is one.
    pub state: State,
    /// How it did last.
    pub status: Status,
    /// Failures in a row: of attempts (a candidate), of checks (a relay).
    pub failures: u64,
    /// When it is next looked at, in Unix milliseconds.
    pub next_ms: u64,
    /// When it last answered, in Unix milliseconds.
    pub seen_ms: Option<u64>,
}

/// The columns that [`Relay`] is read from.
pub(crate) const COLUMNS: &str = "id, url, state, status, failures, next_ms, seen_ms";

impl FromRow for Relay {
    fn from_row(row: Row) -> Result<Self, Error> {
        let url: String = row.get("url")?;
        let parsed = RelayUrl::parse(&url).map_err(|error| Error::Column {
            column: "url".to_owned(),
            wanted: "the URL of a relay",
            found: error.to_string(),
        })?;
        Ok(Self {
            id: RelayId(row.get("id")?),
            url: parsed,
            state: State::parse(&row.get::<String>("state")?),
            status: Status::parse(&row.get::<String>("status")?),
            failures: read(row.get("failures")?),
            next_ms: read(row.get("next_ms")?),
            seen_ms: row.get::<Option<i64>>("seen_ms")?.map(read),
        })
    }
}

/// The number of a URL, if it is known.
///
/// # Errors
/// Those of the records.
pub(crate) fn id_of(tx: &mut Transaction<'_>, url: &RelayUrl) -> Result<Option<RelayId>, Error> {
    let row: Option<(i64,)> = tx.fetch_optional(
        "SELECT id FROM observatory_relays WHERE url = ?",
        (url.as_str(),),
    )?;
    Ok(row.map(|(id,)| RelayId(id)))
}

/// Takes up a URL as a candidate to be tried at once, unless it is known; says whether it was new.
///
/// # Errors
/// Those of the records.
pub(crate) fn mention(
    tx: &mut Transaction<'_>,
    url: &RelayUrl,
    source: &str,
    found_in: Option<&str>,
    now_ms: u64,
) -> Result<(RelayId, bool), Error> {
    if let Some(id) = id_of(tx, url)? {
        return Ok((id, false));
    }
    let (id,): (i64,) = tx.fetch_one(
        "INSERT INTO observatory_cursors (name, place, at_ms) VALUES ('relays.numbered', 1, ?)
         ON CONFLICT (name) DO UPDATE SET place = observatory_cursors.place + 1, at_ms = excluded.at_ms RETURNING place",
        (stored(now_ms),),
    )?;
    let network: Network = url.network();
    tx.execute(
        "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, found_in, failures, next_ms, status)
         VALUES (?, ?, ?, 'candidate', ?, ?, ?, 0, ?, 'unknown')",
        (
            id,
            url.as_str(),
            network.as_str(),
            stored(now_ms),
            source,
            found_in.map(str::to_owned),
            stored(now_ms),
        ),
    )?;
    Ok((RelayId(id), true))
}
