//! Events of the archive, as everybody may see them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use stentor_event::{EventId, EventView, Timestamp, Viewer, VisibilityRules, embeds_protected};
use stentor_store::{Budget, Query, ScanLimits, StoreError, StoredEvent};
use utoipa::ToSchema;

use super::event_query::EventQuery;
use super::parameters::{AskError, wrong};
use super::place::{Part, Place};
use crate::clock::stored;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance;

/// Events that one request looks at, at most.
pub(super) const LOOKED_AT: usize = 5_000;
/// Rows of the store's index that it may touch for that.
const ROWS: u64 = 2_000_000;
/// Bytes of events in one page.
const BYTES: usize = 4 << 20;
/// Holders of one event that are told.
const HOLDERS: usize = 200;
/// Holders of one event that are counted: as many as `provenance` looks for.
pub(crate) const COUNTED: u64 = 1_000;
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
    let mut events = Vec::with_capacity(found.events.len());
    for event in &found.events {
        events.push(told(ground, event, query.holders).await?);
    }
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
    match found.events.first() {
        Some(event) => told(ground, event, true).await,
        None => Err(AskError::Missing),
    }
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

async fn told(
    ground: &Ground,
    event: &StoredEvent,
    with_holders: bool,
) -> Result<EventAnswer, AskError> {
    let held = match with_holders {
        true => Some(holders(ground, event.number.0).await?),
        false => None,
    };
    let (holders, holders_total) = held.unzip();
    let event =
        serde_json::from_slice(&event.json).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(EventAnswer {
        event,
        holders,
        holders_total,
    })
}

/// Who holds the event of this number, and how many there are.
async fn holders(ground: &Ground, number: u64) -> Result<(Vec<Holder>, u64), AskError> {
    let mut held = provenance::holders(&ground.records, number).await?;
    let total = COUNTED.min(held.len() as u64);
    held.truncate(HOLDERS);
    if held.is_empty() {
        return Ok((Vec::new(), total));
    }
    let marks = stentor_sql::placeholders(held.len());
    let sql =
        format!("SELECT id, url FROM observatory_relays WHERE id IN ({marks}) LIMIT {HOLDERS}");
    let ids: Vec<stentor_sql::Value> = held.iter().map(|one| one.relay.0.into()).collect();
    let rows: Vec<(i64, String)> = ground
        .records
        .fetch_all(std::borrow::Cow::Owned(sql), ids)
        .await?;
    let urls: std::collections::HashMap<i64, String> = rows.into_iter().collect();
    let holder = |one: provenance::Held| {
        Some(Holder {
            relay: one.relay.0,
            url: urls.get(&one.relay.0)?.clone(),
            seen_ms: one.seen_ms,
            how: one.how.as_str(),
        })
    };
    Ok((held.into_iter().filter_map(holder).collect(), total))
}
