//! `GET /api/v1/events`: Server-Sent Events (G3.1).
//!
//! Envelopes are events without a name, so that a browser's `onmessage` gets them; the id of each is a cursor. What is about the
//! stream itself has a name: `resync_required`, `lagged`, `end`. What may be tried again later is refused with 200 and an
//! immediate end, as any other status is final to an EventSource (G6.1).

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use http::request::Parts;
use serde_json::json;
use stentor_auth::{AuditKind, Surface};
use stentor_bus::From;
use stentor_serve::sse::{Event, EventStream, Events, StreamConfig, refused_for_now};
use stentor_serve::{DrainSignal, RequestInfo};

use crate::asked::Query;
use crate::extract::Asked;
use crate::failure::Failure;
use crate::reference::{self, Wrong};
use crate::state::{Gateway, Shared};
use crate::stream::follow::{Client, End, Follow, Item};
use crate::stream::measure::{self, Measured, Way};
use crate::stream::places::Full;

/// Streams what happens, as Server-Sent Events: each envelope is the data of an event without a name, its id a cursor, which
/// comes back as `Last-Event-ID`. Events with a name are about the stream itself: `resync_required` (what came before the id
/// cannot be told), `lagged` (the client was too slow, so many are missing) and `end` (the credential has ended).
/// Refusals that may be tried again are `200` with `retry:` and an immediate end, as any other status is final to an EventSource.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", operation_id = "streamEvents",
    params(Query, ("Last-Event-ID" = Option<String>, Header, description = "Where to go on: the id of the last event seen.")),
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = String), Wrong, reference::Refused))]
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Extension(drain): Extension<DrainSignal>,
    Asked(query): Asked<Query>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let retry = retry(shared);
    if drain.is_draining() {
        return refused(retry, "draining");
    }
    match open(shared, &query, &head, &info).await {
        Ok(follow) => {
            let config = StreamConfig {
                keep_alive: Duration::from_secs(shared.parts.config.streams.keep_alive_seconds),
                reconnect: retry,
            };
            let measured = Measured::opened(Way::Sse, drain.clone());
            EventStream::new(written(follow, measured), config, drain).into_response()
        }
        Err(Refused::ForNow(reason)) => refused(retry, reason),
        Err(Refused::For(failure)) => {
            measure::rejected(Way::Sse, measure::reason(&failure));
            failure.into_response()
        }
    }
}

/// Why there is no stream.
enum Refused {
    /// It may be tried again.
    ForNow(&'static str),
    /// It is of no use to try again.
    For(Failure),
}

impl<T: Into<Failure>> std::convert::From<T> for Refused {
    fn from(failure: T) -> Self {
        let failure = failure.into();
        match measure::reason(&failure) {
            "unavailable" => Self::ForNow("unavailable"),
            _ => Self::For(failure),
        }
    }
}

fn refused(retry: Duration, reason: &'static str) -> Response {
    measure::rejected(Way::Sse, reason);
    refused_for_now(retry)
}

async fn open(
    shared: &Arc<Shared>,
    query: &Query,
    head: &Parts,
    info: &RequestInfo,
) -> Result<Follow, Refused> {
    let header = head.headers.get("last-event-id");
    let header = header.and_then(|value| value.to_str().ok());
    let last = header.or(query.last_event_id.as_deref());
    let ticket = query.ticket.as_deref();
    let streams = &shared.parts.config.streams;
    let for_now = |full: Full| Refused::ForNow(full.as_str());
    shared.places.look(info.scope, streams).map_err(for_now)?;
    let interest = query.interest(streams);
    if let (Some(_), Err(error)) = (ticket, &interest) {
        // Before the ticket is used up.
        return Err(error.clone().into());
    }
    let visitor = shared
        .visitor(head, info, Surface::Events, ticket, last)
        .await?;
    let interest = interest?;
    let from = query.from(visitor.last.as_deref(), From::Now)?;
    shared.permit(&visitor.principal, &interest)?;
    let principal = visitor.principal;
    let whose = format!("{}/{}", principal.tenant, principal.subject);
    let place = shared
        .places
        .take(info.scope, whose, streams)
        .map_err(for_now)?;
    let audience = shared.audience(&principal);
    let client = Client {
        principal,
        lease: visitor.lease,
        address: info.client,
        surface: Surface::Events,
    };
    client.note(shared, AuditKind::Subscribed, &query.what());
    let reader = shared.parts.bus.read(from, audience, interest);
    let (shared, client) = (Arc::clone(shared), Arc::new(client));
    Ok(Follow::new(shared, reader, client, Some(place)))
}

/// How long a client waits before it comes back: drawn anew each time, from half of what is configured to one and a half.
fn retry(shared: &Shared) -> Duration {
    let middle = shared.parts.config.streams.retry_seconds * 1_000;
    let mut bytes = [0; 8];
    // Without randomness all come back after the same time.
    let _ = getrandom::fill(&mut bytes);
    let chance = u64::from_le_bytes(bytes) % (middle + 1);
    Duration::from_millis(middle / 2 + chance)
}

/// What is written.
fn written(follow: Follow, measured: Measured) -> impl Stream<Item = Events> + Send + 'static {
    stream::unfold(
        (follow, measured),
        |(mut follow, mut measured)| async move {
            let item = follow.next().await?;
            let events = encode(&follow, &item);
            match &item {
                Item::Envelopes(envelopes) => {
                    measured.delivered(envelopes, events.len(), follow.waiting());
                }
                Item::End(end) => measured.ends(*end),
                Item::Resync(_) => measured.resynced(),
                Item::Position(_) => {}
            }
            Some((events, (follow, measured)))
        },
    )
}

fn encode(follow: &Follow, item: &Item) -> Events {
    let mut events = Events::new();
    // Cursors have neither ends of lines nor NUL, and names are ours: nothing here fails.
    let mut named = |name: &str, id: Option<&str>, data: &str| {
        let name = Some(name);
        let _ = events.event(&Event { id, name, data });
    };
    match item {
        Item::Envelopes(envelopes) => {
            for delivery in envelopes {
                let id = follow.text(&delivery.cursor);
                let _ = events.event(&Event {
                    id: Some(&id),
                    name: None,
                    data: delivery.json(),
                });
            }
        }
        Item::Position(cursor) => {
            let _ = events.position(&follow.text(cursor));
        }
        Item::Resync(cursor) => {
            let id = follow.text(cursor);
            let data = json!({ "oldest": id }).to_string();
            named("resync_required", Some(&id), &data);
        }
        Item::End(End::Lagged(missed)) => {
            named("lagged", None, &json!({ "missed": missed }).to_string());
        }
        Item::End(End::Auth(reason)) => {
            let data = json!({ "reason": reason.as_str() }).to_string();
            named("end", None, &data);
        }
    }
    events
}
