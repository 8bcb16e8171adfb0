//! Plain HTTP requests to `/`: the information document for programs, a page for people (R1.14).

use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Request;
use http::header::{self, HeaderMap, HeaderValue};
use ring::digest::{SHA256, digest};
use stentor_event::normalize_relay_url;
use stentor_serve::headers::{Cors, cors};
use stentor_serve::{Problem, RequestInfo};

use crate::information::information;
use crate::management::rpc;
use crate::pages::{Page, STYLE};
use crate::service::Relay;
use crate::state::{Settings, State};

/// The media type of NIP-11.
const INFORMATION: &str = "application/nostr+json";

/// The page may use its own style and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

impl Relay {
    /// What answers plain HTTP requests to `/`, to readers of any origin as NIP-11 asks.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/", get(root).post(call))
            .layer(axum::middleware::from_fn_with_state(Cors::any(), cors))
            .with_state(self.clone())
    }
}

/// A call of NIP-86.
async fn call(
    Shared(relay): Shared<Relay>,
    Extension(info): Extension<RequestInfo>,
    request: Request<Body>,
) -> Response {
    rpc(&relay, &info, request).await
}

/// Answers by what the client accepts.
async fn root(
    Shared(relay): Shared<Relay>,
    Extension(request): Extension<RequestInfo>,
    headers: HeaderMap,
) -> Response {
    let state = &relay.state;
    let settings = state.settings();
    let mut response = if accepts_information(&headers) {
        document(state, &settings, &request)
    } else if settings.config.page {
        page(&relay, &settings, &request, &headers)
    } else {
        Problem::new(http::StatusCode::NOT_FOUND).into_response()
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Whether the client asks for the information document.
fn accepts_information(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut types = values
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next());
    types.any(|name| name.trim().eq_ignore_ascii_case(INFORMATION))
}

/// The information document.
fn document(state: &State, settings: &Settings, request: &RequestInfo) -> Response {
    let body =
        serde_json::to_vec(&information(state, settings, &request.listener)).unwrap_or_default();
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(INFORMATION))],
        body,
    )
        .into_response()
}

/// The page for people.
fn page(
    relay: &Relay,
    settings: &Arc<Settings>,
    request: &RequestInfo,
    headers: &HeaderMap,
) -> Response {
    let (connections, subscriptions) = relay.counts();
    let information = information(&relay.state, settings, &request.listener);
    let url = address(settings, headers);
    let events = relay.state.events();
    let html = Page {
        information: &information,
        url: &url,
        connections,
        subscriptions,
        events,
    }
    .html();
    let mut response = (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        )],
        html,
    )
        .into_response();
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Where clients connect: the first public URL, or what the reader used. (That is fit to be shown, not to be relied on.)
fn address(settings: &Settings, headers: &HeaderMap) -> String {
    if let Some(url) = settings.urls.first() {
        return url.clone();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.and_then(|host| normalize_relay_url(&format!("ws://{host}")))
        .unwrap_or_else(|| "ws://…".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(value));
        accepts_information(&headers)
    }

    #[test]
    fn r1_14_the_document_is_for_who_asks_for_it() {
        assert!(accepts("application/nostr+json"));
        assert!(accepts("text/html, Application/Nostr+JSON;q=0.9"));
        assert!(!accepts("application/json"));
        assert!(!accepts("text/html,*/*"));
        assert!(!accepts_information(&HeaderMap::new()));
    }
}
