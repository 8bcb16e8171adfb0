//! `POST /api/v1/tickets`: a stream ticket for a browser (G2.1).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use http::{StatusCode, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use stentor_auth::Surface;
use stentor_serve::{Refusal, RequestInfo};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::reference::{Refused, TooMany, Wrong};
use crate::state::Gateway;

/// What is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketWish {
    /// What it opens: `sse` or `ws`.
    #[schema(pattern = "^(sse|ws)$", example = "sse")]
    surface: String,
}

/// A stream ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ticket {
    /// What `ticket` in the query of the stream is.
    ticket: String,
    /// What it is called in the audit.
    id: String,
    /// By when it must have been used first, in Unix seconds.
    use_before: u64,
    /// When it ends, in Unix seconds.
    ends_at: u64,
}

/// Makes a stream ticket, for those who cannot send headers: a browser's EventSource and WebSocket. It is used first within a
/// minute, then again with a `Last-Event-ID` of its stream, one connection at a time, until the credential that it was made with ends.
#[utoipa::path(post, path = "/api/v1/tickets", tag = "credentials", operation_id = "mintTicket", request_body = TicketWish,
    responses((status = 201, description = "The ticket.", body = Ticket), Wrong, Refused, TooMany))]
pub(crate) async fn mint(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
    body: Bytes,
) -> Response {
    let shared = &gateway.shared;
    let principal = match shared.principal(&head, &info, &body).await {
        Ok(principal) => principal,
        Err(failure) => return failure.into_response(),
    };
    let wish: Option<TicketWish> = serde_json::from_slice(&body).ok();
    let surfaces = [Surface::Events, Surface::WebSocket];
    let surface = wish.and_then(|wish| {
        let mut named = surfaces.into_iter();
        named.find(|surface| surface.as_str() == wish.surface)
    });
    let Some(surface) = surface else {
        let detail = r#"the body is {"surface":"sse"} or {"surface":"ws"}"#;
        return Refusal::new(StatusCode::BAD_REQUEST, detail).into_response();
    };
    let auth = &shared.parts.auth;
    match auth.mint_ticket(&principal, surface, shared.now()).await {
        Ok(ticket) => {
            let body = Ticket {
                ticket: ticket.text.expose_secret().to_owned(),
                id: ticket.id,
                use_before: ticket.use_before.0,
                ends_at: ticket.ends_at.0,
            };
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, no_store, Json(body)).into_response()
        }
        Err(error) => Failure::Manage(error).into_response(),
    }
}
