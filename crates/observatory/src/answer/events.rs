//! Events of the archive, as everybody may see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use stentor_event::{EventId, EventView, Timestamp, Viewer, VisibilityRules, embeds_protected};
use stentor_sql::Database;
use stentor_store::{Budget, Query, ScanLimits, StoreError, StoredEvent};
use utoipa::ToSchema;

use super::event_query::EventQuery;
use super::parameters::{AskError, wrong};
use super::place::{Part, Place};
use crate::clock::stored;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance;
use crate::table::{for_rows, rows};

/// Events that one request looks at, at most.
pub(super) const LOOKED_AT: usize = 5_000;
/// Rows of the store's index that it may touch for that.
const ROWS: u64 = 2_000_000;
/// Bytes of events in one page.
const BYTES: usize = 4 << 20;
/// Holders of one event that are told.
const HOLDERS: usize = 200;
/// Holders of one event that are counted.
pub(crate) const COUNTED: u64 = 1_000;
/// Relays whose URLs are read at once.
const RELAYS: usize = 1_000;
/// How much is looked at in one go.
const SLICE: Budget = Budget {
    events: 512,
    bytes: 1 << 20,
    rows: 16_384,
};

/// Who holds an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Holder {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// When the event was first seen there, in Unix milliseconds.
    pub seen_ms: u64,
    /// `live` as the relay got it, or `fetched` later: then the time says when we asked.
    pub how: &'static str,
}

/// An event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EventAnswer {
    /// The event (NIP-01).
    #[schema(value_type = Object)]
    pub event: Value,
    /// Who holds it, in the order in which the relays became known, the first 200; nothing unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holders: Option<Vec<Holder>>,
    /// How many relays are known to hold it; 1,000 stands for so many or more. Nothing unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holders_total: Option<u64>,
}

/// A page of events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// The newest first.
    pub events: Vec<EventAnswer>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
    /// Whether the search ended early, having looked at as many events as it may: it goes on at `next`.
    pub bound_reached: bool,
}

/// The events of a query.
pub(crate) async fn events(
    ground: &Ground,
    query: &EventQuery,
    rules: Arc<VisibilityRules>,
) -> Result<EventPage, AskError> {
    let list = query.list();
    let after = query.after.as_deref().map(|after| place(after, &list));
    let after = after.transpose()?;
    let viewer = Viewer::anonymous(rules);
    let found = scan(ground, query, after, &viewer).await?;
    let events = told(ground, &found.events, query.holders).await?;
    Ok(EventPage {
        events,
        next: found.place.map(|(at, id)| {
            let parts = vec![Part::Integer(stored(at.0)), Part::Id(id.0)];
            Place { list, parts }.text()
        }),
        bound_reached: found.bound_reached,
    })
}

/// An event, with who holds it.
pub(crate) async fn event(
    ground: &Ground,
    id: EventId,
    rules: Arc<VisibilityRules>,
) -> Result<EventAnswer, AskError> {
    let query = EventQuery::of(id);
    let found = scan(ground, &query, None, &Viewer::anonymous(rules)).await?;
    let told = told(ground, &found.events, true).await?;
    told.into_iter().next().ok_or(AskError::Missing)
}

/// What a scan has found.
#[derive(Default)]
struct Found {
    events: Vec<StoredEvent>,
    /// The last event that was looked at, if there may be more behind it.
    place: Option<(Timestamp, EventId)>,
    bound_reached: bool,
}

fn place(text: &str, list: &str) -> Result<(Timestamp, EventId), AskError> {
    let parts = Place::read(text, list, b"ix").map_err(|error| wrong("after", error))?;
    match parts.as_slice() {
        [Part::Integer(at), Part::Id(id)] => Ok((Timestamp(crate::clock::read(*at)), EventId(*id))),
        _ => Err(wrong("after", "not a cursor")),
    }
}

async fn scan(
    ground: &Ground,
    query: &EventQuery,
    after: Option<(Timestamp, EventId)>,
    viewer: &Viewer,
) -> Result<Found, AskError> {
    let mut filter = query.filter.clone();
    if let Some((at, _)) = after {
        filter.until = Some(filter.until.map_or(at, |until| until.min(at)));
    }
    let mut scan = ground.archive.scan(Query {
        filters: Arc::from([filter]),
        now: ground.clock.now(),
        before: None,
        limits: ScanLimits { cap: 0, rows: ROWS },
    });
    let (mut found, mut bytes, mut looked) = (Found::default(), 0, 0);
    loop {
        let batch = match scan.next(viewer, SLICE).await {
            Ok(batch) => batch,
            // What was found so far goes out; it goes on behind it.
            Err(StoreError::TooExpensive { .. }) if found.place.is_some() => {
                found.bound_reached = true;
                return Ok(found);
            }
            Err(StoreError::TooExpensive { .. }) => return Err(AskError::TooLong),
            Err(error) => return Err(Error::from(error).into()),
        };
        let mut events = batch.events.into_iter().peekable();
        while let Some(event) = events.next() {
            let view = EventView::from_canonical(&event.json)
                .map_err(|error| Error::Invalid(error.to_string()))?;
            let here = (view.created_at(), view.id());
            // The newest first, then by id: what the page before has shown comes first again.
            if after.is_some_and(|(at, id)| here.0 == at && here.1 <= id) {
                continue;
            }
            looked += 1;
            found.place = Some(here);
            if query.wants(&view) && !view.is_protected() && !embeds_protected(&view) {
                bytes += event.json.len();
                found.events.push(event);
            }
            let full = found.events.len() >= query.limit as usize || bytes >= BYTES;
            if full || looked >= LOOKED_AT {
                found.bound_reached = !full;
                if batch.end.is_some() && events.peek().is_none() {
                    found.place = None;
                    found.bound_reached = false;
                }
                return Ok(found);
            }
        }
        if batch.end.is_some() {
            found.place = None;
            return Ok(found);
        }
        tokio::task::yield_now().await;
    }
}

/// Events as they are answered.
async fn told(
    ground: &Ground,
    events: &[StoredEvent],
    with_holders: bool,
) -> Result<Vec<EventAnswer>, AskError> {
    let mut held = match with_holders {
        true => Some(holders(ground, events).await?),
        false => None,
    };
    let told = events.iter().map(|event| {
        let held = held.as_mut();
        let held = held.map(|held| held.remove(&event.number.0).unwrap_or_default());
        let (holders, holders_total) = held.unzip();
        let event = serde_json::from_slice(&event.json)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(EventAnswer {
            event,
            holders,
            holders_total,
        })
    });
    told.collect()
}

/// Who holds these events, and how many there are of each, by the events' numbers.
async fn holders(
    ground: &Ground,
    events: &[StoredEvent],
) -> Result<BTreeMap<u64, (Vec<Holder>, u64)>, AskError> {
    let numbers: BTreeSet<u64> = events.iter().map(|event| event.number.0).collect();
    let found = provenance::holders_of(&ground.records, &numbers, HOLDERS).await?;
    let first = found.values().flat_map(|holders| &holders.first);
    let relays: BTreeSet<i64> = first.map(|held| held.relay.0).collect();
    let urls = urls(&ground.records, relays).await?;
    let holder = |held: provenance::Held| {
        Some(Holder {
            relay: held.relay.0,
            url: urls.get(&held.relay.0)?.clone(),
            seen_ms: held.seen_ms,
            how: held.how.as_str(),
        })
    };
    let told = found.into_iter().map(|(number, holders)| {
        let first = holders.first.into_iter().filter_map(holder).collect();
        (number, (first, holders.total.min(COUNTED)))
    });
    Ok(told.collect())
}

/// The URLs of these relays.
async fn urls(
    records: &Database,
    relays: BTreeSet<i64>,
) -> Result<BTreeMap<i64, String>, AskError> {
    let relays: Vec<i64> = relays.into_iter().collect();
    let mut urls = BTreeMap::new();
    for relays in relays.chunks(RELAYS) {
        let found: Vec<(i64, String)> = records
            .fetch_all(
                for_rows!(
                    "SELECT id, url FROM observatory_relays WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT)",
                    ")"
                ),
                (rows(relays.iter().map(|relay| [*relay])),),
            )
            .await?;
        urls.extend(found);
    }
    Ok(urls)
}
