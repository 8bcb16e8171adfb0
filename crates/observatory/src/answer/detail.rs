//! All that is known of one relay.

use serde::Serialize;
use serde_json::Value;
use stentor_sql::{Database, FromRow, Row};
use utoipa::ToSchema;

use super::check::{Back, RelayCheck, checks};
use super::coverage::{Covered, covered};
use super::parameters::AskError;
use super::relays::{self, RelaySummary};
use super::rows::{maybe, number};
use crate::history;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;

/// Checks that are told with a relay.
const LAST_CHECKS: u32 = 10;

/// By what a relay is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RelayName {
    /// Its number.
    Number(i64),
    /// Its URL.
    Url(RelayUrl),
}

impl RelayName {
    /// Reads a number or a URL.
    pub fn read(text: &str) -> Result<Self, AskError> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let url =
            RelayUrl::parse(text).map_err(|error| super::parameters::wrong("relay", error))?;
        Ok(Self::Url(url))
    }

    /// The relay's number, if there is such a relay.
    pub async fn find(&self, records: &Database) -> Result<RelayId, AskError> {
        let found: Option<(i64,)> = match self {
            Self::Number(id) => {
                let sql = "SELECT id FROM observatory_relays WHERE id = ?";
                records.fetch_optional(sql, (*id,)).await?
            }
            Self::Url(url) => {
                let sql = "SELECT id FROM observatory_relays WHERE url = ?";
                records.fetch_optional(sql, (url.as_str(),)).await?
            }
        };
        found.map(|(id,)| RelayId(id)).ok_or(AskError::Missing)
    }
}

/// How often a relay was named, by source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Mention {
    /// The source.
    pub source: String,
    /// How often.
    pub mentions: u64,
    /// For the first time, in Unix milliseconds.
    pub first_ms: u64,
    /// For the last time, in Unix milliseconds.
    pub last_ms: u64,
}

impl FromRow for Mention {
    fn from_row(row: Row) -> Result<Self, stentor_sql::Error> {
        Ok(Self {
            source: row.get("source")?,
            mentions: number(&row, "mentions")?,
            first_ms: number(&row, "first_ms")?,
            last_ms: number(&row, "last_ms")?,
        })
    }
}

/// How archiving a relay goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Archiving {
    /// How it is asked.
    pub method: Option<String>,
    /// Events that it gives at once, as far as that showed.
    pub page_limit: Option<u64>,
    /// Whether it says that it shuts down.
    pub leaving: bool,
    /// When it is next visited, in Unix milliseconds.
    pub next_ms: u64,
    /// Failed visits in a row.
    pub failures: u64,
    /// When it was last visited, in Unix milliseconds.
    pub last_ms: Option<u64>,
    /// What came of that, in a word.
    pub last_outcome: Option<String>,
    /// Events that came from it first.
    pub events: u64,
    /// Events that were there.
    pub duplicates: u64,
    /// Events that were not taken.
    pub rejected: u64,
    /// Bytes that it has sent.
    pub bytes: u64,
}

impl FromRow for Archiving {
    fn from_row(row: Row) -> Result<Self, stentor_sql::Error> {
        Ok(Self {
            method: row.get("method")?,
            page_limit: maybe(&row, "page_limit")?,
            leaving: row.get("leaving")?,
            next_ms: number(&row, "next_ms")?,
            failures: number(&row, "failures")?,
            last_ms: maybe(&row, "last_ms")?,
            last_outcome: row.get("last_outcome")?,
            events: number(&row, "events")?,
            duplicates: number(&row, "duplicates")?,
            rejected: number(&row, "rejected")?,
            bytes: number(&row, "bytes")?,
        })
    }
}

/// All that is known of a relay. What is missing was not tested, or is not known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RelayDetail {
    /// What a list tells.
    pub relay: RelaySummary,
    /// By what it was found.
    pub found_by: String,
    /// The event or the list on a web server that it was found in; of the latter, without what may open it: user, query.
    pub found_in: Option<String>,
    /// When it first spoke Nostr, in Unix milliseconds.
    pub proven_ms: Option<u64>,
    /// What it said then.
    pub proven_by: Option<String>,
    /// Why it is offline, in more than a word.
    pub detail: Option<String>,
    /// Since when its status is what it is, in Unix milliseconds.
    pub status_since_ms: Option<u64>,
    /// When it is next looked at, in Unix milliseconds.
    pub next_ms: u64,
    /// Failures in a row.
    pub failures: u64,
    /// What came of the last write test, in a word.
    pub write_outcome: Option<String>,
    /// Whether it takes events of some only.
    pub writes_restricted: Option<bool>,
    /// Whether it reconciles (NIP-77).
    pub negentropy: Option<bool>,
    /// Its address.
    pub address: Option<String>,
    /// Its network's number (AS).
    pub asn: Option<u64>,
    /// When its certificate ends, in Unix milliseconds.
    pub certificate_until_ms: Option<u64>,
    /// How long its name may be remembered, in seconds.
    pub dns_ttl: Option<u64>,
    /// The NIPs that it says it knows, ascending.
    pub nips: Vec<u64>,
    /// Its information document (NIP-11), as it was last.
    #[schema(value_type = Option<Object>)]
    pub information: Option<Value>,
    /// What was seen of its name, network and certificate.
    #[schema(value_type = Option<Object>)]
    pub facts: Option<Value>,
    /// Who has named it, the most first.
    pub mentions: Vec<Mention>,
    /// How archiving it goes.
    pub archiving: Option<Archiving>,
    /// How much of it is covered, by filter and state.
    pub coverage: Vec<Covered>,
    /// Its last checks, the newest first.
    pub last_checks: Vec<RelayCheck>,
}

/// A row of the detail, with the addresses of its documents.
struct Whole {
    detail: RelayDetail,
    document: Option<[u8; 32]>,
    facts: Option<[u8; 32]>,
}

impl FromRow for Whole {
    fn from_row(row: Row) -> Result<Self, stentor_sql::Error> {
        let detail = RelayDetail {
            relay: RelaySummary::of(&row)?,
            found_by: row.get("found_by")?,
            found_in: row.get("found_in")?,
            proven_ms: maybe(&row, "proven_ms")?,
            proven_by: row.get("proven_by")?,
            detail: row.get("detail")?,
            status_since_ms: maybe(&row, "status_since_ms")?,
            next_ms: number(&row, "next_ms")?,
            failures: number(&row, "failures")?,
            write_outcome: row.get("write_outcome")?,
            writes_restricted: row.get("writes_restricted")?,
            negentropy: row.get("negentropy")?,
            address: row.get("address")?,
            asn: maybe(&row, "asn")?,
            certificate_until_ms: maybe(&row, "certificate_until_ms")?,
            dns_ttl: maybe(&row, "dns_ttl")?,
            nips: Vec::new(),
            information: None,
            facts: None,
            mentions: Vec::new(),
            archiving: None,
            coverage: Vec::new(),
            last_checks: Vec::new(),
        };
        Ok(Self {
            detail,
            document: row.get("document")?,
            facts: row.get("facts")?,
        })
    }
}

/// All that is known of a relay or candidate.
pub(crate) async fn relay(records: &Database, name: &RelayName) -> Result<RelayDetail, AskError> {
    let id = name.find(records).await?;
    let (columns, from) = (relays::COLUMNS, relays::FROM);
    let sql = format!(
        "SELECT {columns}, r.found_by, r.found_in, r.proven_ms, r.proven_by, r.detail, r.status_since_ms, r.next_ms, r.failures,
         r.write_outcome, r.writes_restricted, r.negentropy, r.address, r.asn, r.certificate_until_ms, r.dns_ttl,
         r.document, r.facts FROM {from} WHERE r.id = ?"
    );
    let whole: Option<Whole> = records
        .fetch_optional(std::borrow::Cow::Owned(sql), (id.0,))
        .await?;
    let whole = whole.ok_or(AskError::Missing)?;
    let mut detail = whole.detail;
    detail.information = document(records, whole.document).await?;
    detail.facts = document(records, whole.facts).await?;
    let nips: Vec<(i64,)> = records
        .fetch_all(
            "SELECT nip FROM observatory_nips WHERE relay = ? ORDER BY nip LIMIT 500",
            (id.0,),
        )
        .await?;
    detail.nips = nips
        .into_iter()
        .map(|(nip,)| crate::clock::read(nip))
        .collect();
    detail.mentions = records
        .fetch_all(
            "SELECT source, mentions, first_ms, last_ms FROM observatory_mentions WHERE relay = ?
             ORDER BY mentions DESC, source LIMIT 100",
            (id.0,),
        )
        .await?;
    detail.archiving = records
        .fetch_optional(
            "SELECT method, page_limit, leaving, next_ms, failures, last_ms, last_outcome, events, duplicates, rejected, bytes
             FROM observatory_archiving WHERE relay = ?",
            (id.0,),
        )
        .await?;
    detail.coverage = covered(records, id).await?;
    let last = Back {
        limit: LAST_CHECKS,
        after: None,
    };
    detail.last_checks = checks(records, id, &last).await?.checks;
    Ok(detail)
}

async fn document(records: &Database, hash: Option<[u8; 32]>) -> Result<Option<Value>, AskError> {
    match hash {
        Some(hash) => Ok(history::document(records, hash).await?),
        None => Ok(None),
    }
}
