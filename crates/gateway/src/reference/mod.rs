//! What programs can do here, told to programs and to people: the OpenAPI document of the requests, the AsyncAPI document of the
//! streams, and a page of both. They are made from the handlers and from the catalogue of types, so that they cannot say
//! anything else than the code does.

pub(crate) mod answers;
pub(crate) mod openapi;

pub(crate) use answers::{Conflict, EnvelopeSchema, Missing, Refused, TooMany, Wrong};

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;
use utoipa::openapi::OpenApi;

use crate::state::Gateway;

/// The documents, for everybody: there is nothing in them but what this program can do.
pub(crate) fn routes(document: OpenApi) -> Router<Gateway> {
    let openapi: &'static str = Box::leak(json(&document).into_boxed_str());
    Router::new().route(
        "/api/v1/openapi.json",
        get(move || async move { as_json(openapi) }),
    )
}

fn json(document: &OpenApi) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

fn as_json(text: &'static str) -> impl IntoResponse {
    let json = (header::CONTENT_TYPE, "application/json");
    ([json, (header::CACHE_CONTROL, "max-age=300")], text)
}
