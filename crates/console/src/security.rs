//! How a page is answered: what it may load, and how long it may be kept.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use maud::Markup;

use crate::live;

/// The Content-Security-Policy of pages: their own style, script, pictures and streams; no frame, no inline script or style,
/// nothing of another host.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of a page. A page is made of what is known now, so it is not kept; and it differs by [`live::HEADER`].
#[must_use]
pub fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        // To its own host a page may say where the reader came from, so that one page can lead back to another.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::VARY,
            HeaderValue::from_name(HeaderName::from_static(live::HEADER)),
        ),
    ])
}

/// The answer with a page, or with parts of it.
#[must_use]
pub fn respond(page: Markup) -> Response {
    (headers(), Html(page.into_string())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_page_loads_nothing_from_elsewhere() {
        let response = respond(maud::html! { p { "x" } });
        let headers = response.headers();
        assert!(
            headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'));
        assert_eq!(headers[header::VARY], "x-fragment");
    }
}
