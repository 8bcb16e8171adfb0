//! `POST /api/v1/tickets`: a stream ticket for a browser (G2.1).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use http::{StatusCode, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use stentor_auth::Surface;
use stentor_serve::{Refusal, RequestInfo};

use crate::failure::Failure;
use crate::state::Gateway;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// `sse` or `ws`.
    surface: String,
}

/// Answers with a ticket, once.
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
    let wish: Option<Wish> = serde_json::from_slice(&body).ok();
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
            let body = json!({
                "ticket": ticket.text.expose_secret(),
                "id": ticket.id,
                "use_before": ticket.use_before.0,
                "ends_at": ticket.ends_at.0,
            });
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, no_store, Json(body)).into_response()
        }
        Err(error) => Failure::Manage(error).into_response(),
    }
}
