//! Relays that are online, the best first.

use std::collections::BTreeMap;

use serde::Serialize;
use stentor_sql::{Database, Error, Row, Transaction};
use utoipa::ToSchema;

use super::score::{Known, Score};
use crate::clock::read;
use crate::relay_url::Network;

/// Most relays that are looked at. What is online beyond, by the order in which they became known, is not ranked.
const MOST: usize = 20_000;
/// Most relays of an answer.
const MOST_ANSWERED: usize = 1_000;
/// Relays read at once.
const PAGE: i64 = 1_000;

/// Which relays are asked for. What is `None` or empty does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AliveQuery {
    /// By what network they are reached.
    pub network: Option<Network>,
    /// Their country (ISO 3166-1, two letters).
    pub country: Option<String>,
    /// NIPs that they must know.
    pub nips: Vec<i64>,
    /// Milliseconds within which they must answer a question.
    pub read_ms: Option<u64>,
    /// Whether only those count that take anybody's events.
    pub open: bool,
    /// The score and the number of the relay that the answer before ended with.
    pub after: Option<(f64, i64)>,
    /// How many.
    pub limit: usize,
}

/// A relay with its score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Ranked {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// Its network.
    pub network: String,
    /// Its country, where it is known.
    pub country: Option<String>,
    /// Milliseconds in which it answered a question, where it was tested.
    pub read_ms: Option<u64>,
    /// Events of the archive that it holds.
    pub events: u64,
    /// Its score.
    pub score: Score,
}

/// Relays that are online and match, the best first; of equal ones, the one known for longer first.
///
/// # Errors
/// Those of the records.
pub(crate) async fn alive(records: &Database, query: &AliveQuery) -> Result<Vec<Ranked>, Error> {
    let mut found = scored(records).await?;
    found.retain(|(ranked, nips)| matches(query, ranked, nips));
    let mut ranked: Vec<Ranked> = found.into_iter().map(|(ranked, _)| ranked).collect();
    let order = |score: f64, relay: i64, other: &Ranked| {
        let by_score = other.score.score.total_cmp(&score);
        by_score.then(relay.cmp(&other.relay))
    };
    ranked.sort_unstable_by(|one, other| order(one.score.score, one.relay, other));
    if let Some((score, relay)) = query.after {
        ranked.retain(|one| order(score, relay, one).is_lt());
    }
    ranked.truncate(query.limit.min(MOST_ANSWERED));
    Ok(ranked)
}

fn matches(query: &AliveQuery, ranked: &Ranked, nips: &[i64]) -> bool {
    let network = query
        .network
        .is_none_or(|network| ranked.network == network.as_str());
    let country = query.country.as_ref().is_none_or(|wanted| {
        let known = ranked.country.as_ref();
        known.is_some_and(|known| known.eq_ignore_ascii_case(wanted))
    });
    let fast = query
        .read_ms
        .is_none_or(|most| ranked.read_ms.is_some_and(|took| took <= most));
    let open = !query.open || ranked.score.openness.value == Some(1.0);
    network && country && fast && open && query.nips.iter().all(|nip| nips.contains(nip))
}

/// All relays that are online, with their scores and the NIPs that they know.
pub(super) async fn scored(records: &Database) -> Result<Vec<(Ranked, Vec<i64>)>, Error> {
    let most = most_held(records).await?;
    let (mut all, mut after) = (Vec::new(), i64::MIN);
    while all.len() < MOST {
        let page = records.read(move |tx| page(tx, after, most, PAGE)).await?;
        let Some((last, _)) = page.last() else {
            break;
        };
        after = last.relay;
        all.extend(page);
    }
    Ok(all)
}

/// One relay with its score, if it is online.
///
/// # Errors
/// Those of the records.
pub(crate) async fn score_of(records: &Database, relay: i64) -> Result<Option<Ranked>, Error> {
    let most = most_held(records).await?;
    let before = relay.saturating_sub(1);
    let found = records.read(move |tx| page(tx, before, most, 1)).await?;
    let found = found.into_iter().map(|(ranked, _)| ranked);
    Ok(found.into_iter().find(|ranked| ranked.relay == relay))
}

/// How many events the relay holds that holds most of the archive.
async fn most_held(records: &Database) -> Result<u64, Error> {
    let (most,): (i64,) = records
        .fetch_one(
            "SELECT COALESCE(MAX(events), 0) FROM observatory_relay_counts",
            (),
        )
        .await?;
    Ok(read(most))
}

fn page(
    tx: &mut Transaction<'_>,
    after: i64,
    most: u64,
    limit: i64,
) -> Result<Vec<(Ranked, Vec<i64>)>, Error> {
    let rows: Vec<Row> = tx.fetch_all(
        "SELECT r.id, r.url, r.network, r.country, r.open_ms, r.read_ms, r.write_outcome, r.document, r.auth_required,
         r.payment_required, r.writes_restricted, COALESCE(r.uptime_quarter, r.uptime_month, r.uptime_week, r.uptime_day) AS uptime,
         COALESCE(c.events, 0) AS events
         FROM observatory_relays r LEFT JOIN observatory_relay_counts c ON c.relay = r.id
         WHERE r.status = 'online' AND r.state = 'relay' AND r.id > ? ORDER BY r.id LIMIT ?",
        (after, limit),
    )?;
    let id = |row: Option<&Row>| row.map_or(Ok(after), |row| row.get("id"));
    let (first, last): (i64, i64) = (id(rows.first())?, id(rows.last())?);
    let mut nips: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut place = (first, i64::MIN);
    loop {
        let known: Vec<(i64, i64)> = tx.fetch_all(
            "SELECT relay, nip FROM observatory_nips WHERE relay <= ? AND (relay > ? OR (relay = ? AND nip > ?))
             ORDER BY relay, nip LIMIT ?",
            (last, place.0, place.0, place.1, 10 * PAGE),
        )?;
        let Some(end) = known.last() else {
            break;
        };
        place = *end;
        for (relay, nip) in known {
            nips.entry(relay).or_default().push(nip);
        }
    }
    rows.iter()
        .map(|row| ranked(row, &mut nips, most))
        .collect()
}

fn ranked(
    row: &Row,
    nips: &mut BTreeMap<i64, Vec<i64>>,
    most: u64,
) -> Result<(Ranked, Vec<i64>), Error> {
    let relay: i64 = row.get("id")?;
    let nips = nips.remove(&relay).unwrap_or_default();
    let document: Option<Vec<u8>> = row.get("document")?;
    let events: i64 = row.get("events")?;
    let known = Known {
        uptime: row.get("uptime")?,
        read_ms: row.get("read_ms")?,
        open_ms: row.get("open_ms")?,
        write_outcome: row.get("write_outcome")?,
        auth_required: row.get("auth_required")?,
        payment_required: row.get("payment_required")?,
        writes_restricted: row.get("writes_restricted")?,
        events: read(events),
        nips: document.map(|_| nips.clone()),
    };
    let ranked = Ranked {
        relay,
        url: row.get("url")?,
        network: row.get("network")?,
        country: row.get("country")?,
        read_ms: known.read_ms.map(read),
        events: known.events,
        score: Score::of(&known, most),
    };
    Ok((ranked, nips))
}
