//! `GET /api/v1/events/history`: the same log, page by page (G3.3).

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use http::request::Parts;
use stentor_auth::Principal;
use stentor_bus::{From, ReadError};
use stentor_serve::RequestInfo;
use utoipa::ToSchema;

use crate::asked::Query;
use crate::extract::Asked;
use crate::failure::Failure;
use crate::reference::{EnvelopeSchema, Refused, Wrong};
use crate::state::{Gateway, Shared};

/// A page of the history.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "what is answered is put together from texts that are there already"
)]
pub(crate) struct HistoryPage {
    /// The oldest first.
    #[schema(value_type = Vec<EnvelopeSchema>)]
    events: Vec<()>,
    /// The `since` of the next page.
    next: String,
    /// Whether there is more now.
    more: bool,
    /// Whether `since` was older than what is kept, so that something is missing before the first one.
    resync_required: bool,
}

/// Answers with what has happened, the oldest first. A `since` that is older than what is kept gives the oldest page there is,
/// with `resync_required`.
#[utoipa::path(get, path = "/api/v1/events/history", tag = "events", operation_id = "getHistory", params(Query),
    responses((status = 200, description = "A page of envelopes.", body = HistoryPage), Wrong, Refused))]
pub(crate) async fn history(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Asked(query): Asked<Query>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let read = async {
        let principal = shared.principal(&head, &info, &[]).await?;
        page(shared, &query, &principal).await
    };
    answer(read.await)
}

/// A page, or why there is none, as an answer.
pub(crate) fn answer(page: Result<String, Failure>) -> Response {
    match page {
        Ok(body) => {
            let json = (header::CONTENT_TYPE, "application/json");
            ([json, (header::CACHE_CONTROL, "no-store")], body).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

/// The page that a query asks for.
pub(crate) async fn page(
    shared: &Shared,
    query: &Query,
    principal: &Principal,
) -> Result<String, Failure> {
    let streams = &shared.parts.config.streams;
    let interest = query.interest(streams)?;
    shared.permit(principal, &interest)?;
    let from = query.from(None, From::Oldest)?;
    let limit = query.limit.unwrap_or(100).clamp(1, streams.history);
    let bus = &shared.parts.bus;
    let mut reader = bus.read(from, shared.audience(principal), interest);
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
    let events: Vec<&str> = events.iter().map(|one| one.json()).collect();
    Ok(format!(
        "{{\"events\":[{}],\"next\":\"{next}\",\"more\":{more},\"resync_required\":{resync}}}",
        events.join(",")
    ))
}
