//! What programs can do here, told to programs and to people: the OpenAPI document of the requests, the AsyncAPI document of the
//! streams, and a page of both. They are made from the handlers and from the catalogue of types, so that they cannot say
//! anything else than the code does.

pub(crate) mod answers;
pub(crate) mod asyncapi;
pub(crate) mod openapi;
mod page;

pub(crate) use answers::{Conflict, EnvelopeSchema, Missing, Refused, TooMany, Wrong};

use std::sync::LazyLock;

use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use serde_json::Value;

use crate::routes::operations;
use crate::state::Gateway;

/// What the page may load: nothing but its own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static OPENAPI: LazyLock<Value> = LazyLock::new(|| {
    let document = operations().into_openapi();
    serde_json::to_value(&document).unwrap_or_default()
});
static OPENAPI_TEXT: LazyLock<String> = LazyLock::new(|| OPENAPI.to_string());
static ASYNCAPI_TEXT: LazyLock<String> = LazyLock::new(|| asyncapi::document().to_string());
static PAGE: LazyLock<String> = LazyLock::new(|| page::html(&OPENAPI));

/// The documents, for everybody: there is nothing in them but what this program can do.
pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route(
            "/api/v1/openapi.json",
            get(|| async { json(&OPENAPI_TEXT) }),
        )
        .route(
            "/api/v1/asyncapi.json",
            get(|| async { json(&ASYNCAPI_TEXT) }),
        )
        .route("/api/v1/docs", get(|| async { shown() }))
}

fn json(text: &'static str) -> Response {
    let json = (header::CONTENT_TYPE, "application/json");
    ([json, (header::CACHE_CONTROL, "max-age=300")], text).into_response()
}

fn shown() -> Response {
    let mut response = Html(PAGE.as_str()).into_response();
    let policy = HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
