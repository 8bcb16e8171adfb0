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
use axum::body::Bytes;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use utoipa::openapi::OpenApi;

/// What the page may load: nothing but its own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static ASYNCAPI_TEXT: LazyLock<String> = LazyLock::new(|| asyncapi::document().to_string());

/// The documents, for everybody: there is nothing in them but what this program can do.
pub(crate) fn routes(document: &OpenApi) -> Router {
    let document = serde_json::to_value(document).unwrap_or_default();
    let page = Bytes::from(page::html(&document));
    let openapi = Bytes::from(document.to_string());
    Router::new()
        .route(
            "/api/v1/openapi.json",
            get(move || async move { json(openapi) }),
        )
        .route(
            "/api/v1/asyncapi.json",
            get(|| async { json(Bytes::from_static(ASYNCAPI_TEXT.as_bytes())) }),
        )
        .route("/api/v1/docs", get(move || async move { shown(page) }))
}

fn json(text: Bytes) -> Response {
    let json = (header::CONTENT_TYPE, "application/json");
    ([json, (header::CACHE_CONTROL, "max-age=300")], text).into_response()
}

fn shown(page: Bytes) -> Response {
    let mut response = Html(page).into_response();
    let policy = HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
