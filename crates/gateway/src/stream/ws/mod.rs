//! `GET /api/v1/ws`: the same subscriptions as over SSE, several on one connection (G3.2).

pub(crate) mod frame;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use stentor_auth::Surface;
use stentor_serve::{DrainSignal, Refusal, RequestInfo, Upgrade, WebSocketConfig};

use crate::asked::Query;
use crate::extract::Asked;
use crate::failure::Failure;
use crate::reference::{Refused, TooMany, Wrong};
use crate::state::{Gateway, Shared};
use crate::stream::follow::Client;
use crate::stream::measure::{self, Measured, Way};
use crate::stream::places::{Full, Place};
use session::Conversation;

/// Bytes of a frame, in either direction (G3.2).
const MAX_FRAME: usize = 1 << 20;
/// Silence after which the client is pinged, and further silence after which it is taken for gone.
const PING: Duration = Duration::from_secs(30);
/// Unsent bytes at which subscriptions wait.
const ROOM: usize = 64 << 10;

/// Upgrades to a WebSocket, which the AsyncAPI document describes: several subscriptions on one connection.
#[utoipa::path(get, path = "/api/v1/ws", tag = "events", operation_id = "openWebSocket",
    params(("ticket" = Option<String>, Query, description = "A stream ticket, for browsers."),
        ("last_event_id" = Option<String>, Query, description = "With a ticket that was used before: a cursor of its stream.")),
    responses((status = 101, description = "The connection is a WebSocket now."), Wrong, Refused, TooMany))]
pub(crate) async fn ws(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Extension(upgrade): Extension<Upgrade>,
    Extension(drain): Extension<DrainSignal>,
    Asked(query): Asked<Query>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    match open(shared, &query, &head, &info).await {
        Ok(conversation) => {
            // It is a stream only if the upgrade comes about.
            upgrade.accept(config(), |_, _| conversation.opened(drain))
        }
        Err((reason, refused)) => {
            measure::rejected(Way::WebSocket, reason);
            *refused
        }
    }
}

fn config() -> Arc<WebSocketConfig> {
    Arc::new(WebSocketConfig {
        max_message: MAX_FRAME,
        write_room: ROOM,
        ping_interval: PING,
        pong_timeout: PING,
        ..WebSocketConfig::default()
    })
}

async fn open(
    shared: &Arc<Shared>,
    query: &Query,
    head: &Parts,
    info: &RequestInfo,
) -> Result<Waiting, (&'static str, Box<Response>)> {
    let streams = &shared.parts.config.streams;
    let full = |full: Full| {
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, full.to_string());
        let refusal = refusal.retry_after(streams.retry_seconds).into_response();
        (full.as_str(), Box::new(refusal))
    };
    // Before a ticket is used up.
    shared.places.look(info.scope, streams).map_err(full)?;
    let (ticket, last) = (query.ticket.as_deref(), query.last_event_id.as_deref());
    let visitor = shared
        .visitor(head, info, Surface::WebSocket, ticket, last)
        .await;
    let visitor = visitor.map_err(|failure: Failure| {
        let reason = measure::reason(&failure);
        (reason, Box::new(failure.into_response()))
    })?;
    let principal = visitor.principal;
    let whose = format!("{}/{}", principal.tenant, principal.subject);
    let place = shared
        .places
        .take(info.scope, whose, streams)
        .map_err(full)?;
    let client = Client {
        principal,
        lease: visitor.lease,
        address: info.client,
        surface: Surface::WebSocket,
    };
    Ok(Waiting {
        shared: Arc::clone(shared),
        client,
        last: visitor.last,
        place,
    })
}

/// A conversation before the upgrade.
struct Waiting {
    shared: Arc<Shared>,
    client: Client,
    last: Option<String>,
    place: Place,
}

impl Waiting {
    fn opened(self, drain: DrainSignal) -> Conversation {
        let measured = Measured::opened(Way::WebSocket, drain);
        Conversation::new(self.shared, self.client, self.last, (self.place, measured))
    }
}
