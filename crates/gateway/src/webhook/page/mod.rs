//! `/webhooks`: a page for people, who look at their webhooks and at what was tried (G4.5).
//!
//! It is one file with its style and script, which loads nothing from elsewhere and may run nothing else. Who reads it pastes an API key,
//! which stays in the tab. All texts get into the page as texts, never as HTML: answers are a stranger's.

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, header};
use ring::digest::{SHA256, digest};

use crate::state::Gateway;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const HTML: &str = include_str!("page.html");

/// The page, with style and script in it.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    HTML.replace("/*style*/", STYLE)
        .replace("/*script*/", SCRIPT)
});

/// It may use its own style and script, and ask its own server.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash(STYLE),
        hash(SCRIPT),
    )
});

/// The page. There is nothing in it that a key does not open.
pub(crate) fn routes() -> Router<Gateway> {
    Router::new().route("/webhooks", get(async || page()))
}

fn page() -> Response {
    let html = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let fresh = (header::CACHE_CONTROL, "no-cache");
    let mut response = ([html, fresh], PAGE.as_str()).into_response();
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
