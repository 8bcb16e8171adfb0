//! `GET /api/v1/events/history`: the same log, page by page (G3.3).

use axum::Extension;
use axum::extract::{Query as Asked, State};
use axum::response::{IntoResponse, Response};
use http::header;
use http::request::Parts;
use stentor_bus::{From, ReadError};
use stentor_serve::RequestInfo;

use crate::asked::Query;
use crate::failure::Failure;
use crate::state::{Gateway, Shared};

/// Answers with a page: `{"events":[…],"next":CURSOR,"more":BOOL}`, the oldest first. A `since` that is older than what is kept
/// gives the oldest page there is, with `"resync_required":true`.
pub(crate) async fn history(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Asked(query): Asked<Query>,
    head: Parts,
) -> Response {
    match page(&gateway.shared, &query, &head, &info).await {
        Ok(body) => {
            let json = (header::CONTENT_TYPE, "application/json");
            ([json, (header::CACHE_CONTROL, "no-store")], body).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

async fn page(
    shared: &Shared,
    query: &Query,
    head: &Parts,
    info: &RequestInfo,
) -> Result<String, Failure> {
    let principal = shared.principal(head, info, &[]).await?;
    let streams = &shared.parts.config.streams;
    let interest = query.interest(streams)?;
    shared.permit(&principal, &interest)?;
    let from = query.from(None, From::Oldest)?;
    let limit = query.limit.unwrap_or(100).clamp(1, streams.history);
    let bus = &shared.parts.bus;
    let mut reader = bus.read(from, shared.audience(&principal), interest);
    let mut resync = false;
    match reader.open().await {
        Ok(_) => {}
        Err(ReadError::Resync { oldest }) => {
            reader.go_to(oldest);
            resync = true;
        }
        Err(ReadError::Failed(error)) => return Err(error.into()),
        // Only who is live lags.
        Err(ReadError::Lagged { .. }) => return Err(Failure::NotFound),
    }
    let mut events = Vec::new();
    let mut more = true;
    while events.len() < limit {
        match reader.next_of_past().await {
            Ok(Some(delivery)) => events.push(delivery),
            Ok(None) => {
                more = false;
                break;
            }
            Err(ReadError::Failed(error)) => return Err(error.into()),
            Err(_) => break,
        }
    }
    let next = match reader.cursor() {
        Some(cursor) => cursor.to_string(),
        None => String::new(),
    };
    let events: Vec<&str> = events.iter().map(|one| one.envelope().json()).collect();
    Ok(format!(
        "{{\"events\":[{}],\"next\":\"{next}\",\"more\":{more},\"resync_required\":{resync}}}",
        events.join(",")
    ))
}
