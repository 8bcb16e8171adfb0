//! The frame that all pages have.

use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use stentor_console::{NavEntry, Page, Query, respond};

use super::visit::Visit;
use super::{Pages, sign_in};
use crate::answer::AskError;

/// Where the pages begin.
pub(super) const HOME: &str = "/observatory";
/// The stream of changes.
const LIVE: &str = "/observatory/live";
/// The pages in the navigation.
const NAV: [(&str, &str); 6] = [
    (HOME, "Overview"),
    ("/observatory/relays", "Relays"),
    ("/observatory/map", "Map"),
    ("/observatory/coverage", "Coverage"),
    ("/observatory/archive", "Archive"),
    ("/observatory/events", "Events"),
];
/// After how many seconds a page without scripts is loaded again.
const REFRESH: u32 = 60;

/// What is different from page to page.
pub(super) struct Shown {
    /// The first part of the window's title.
    pub title: String,
    /// What is in it, with its heading.
    pub body: Markup,
}

/// What of a request makes a difference to the frame.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The address.
    pub query: Query,
    /// Whether everybody may see the pages.
    is_public: bool,
    /// Whether the browser has a cookie of ours.
    pub has_cookie: bool,
}

impl Frame {
    /// The frame of a request.
    pub fn of(head: &Parts, pages: &Pages) -> Self {
        Self {
            query: Query::new(head.uri.path(), head.uri.query()),
            is_public: pages.is_public(),
            has_cookie: sign_in::cookie(&head.headers).is_some(),
        }
    }

    /// The same frame for another address.
    pub fn asked_for(&self, address: &str) -> Self {
        let (path, raw) = match address.split_once('?') {
            Some((path, raw)) => (path, Some(raw)),
            None => (address, None),
        };
        Self {
            query: Query::new(path, raw),
            ..self.clone()
        }
    }

    /// A page that follows changes.
    pub fn respond(&self, shown: Shown) -> Response {
        self.page(StatusCode::OK, shown, Some(LIVE))
    }

    /// A page that says why there is none.
    pub fn refuse(&self, status: StatusCode, shown: Shown) -> Response {
        self.page(status, shown, None)
    }

    fn page(&self, status: StatusCode, shown: Shown, live: Option<&str>) -> Response {
        let path = self.query.path();
        let nav = NAV.map(|(href, label)| NavEntry {
            href,
            label,
            current: is_at(path, href),
        });
        let page = Page {
            title: &shown.title,
            site: "Observatory",
            home: HOME,
            nav: &nav,
            tools: self.sign_out(),
            body: shown.body,
            live,
            refresh: live.map(|_| REFRESH),
        };
        let mut response = respond(page.render());
        *response.status_mut() = status;
        if !self.is_public {
            keep_private(&mut response);
        }
        response
    }

    fn sign_out(&self) -> Option<Markup> {
        (self.has_cookie && !self.is_public).then(|| {
            html! {
                form class="sign-out" method="post" action=(sign_in::OUT) { button type="submit" { "Sign out" } }
            }
        })
    }

    /// Links to what a page shows, for programs.
    pub fn data(&self, below: &str, parameters: &str, is_list: bool) -> Markup {
        let address = |form: &str| {
            let parts: Vec<&str> = [parameters, form]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect();
            let sign = if parts.is_empty() { "" } else { "?" };
            format!("/api/v1/observatory/{below}{sign}{}", parts.join("&"))
        };
        html! {
            p class="data" {
                "The same for programs: " a href=(address("")) { "JSON" }
                @if is_list { ", " a href=(address("format=csv")) { "CSV" } }
                @if !self.is_public { " (with the key in the header " code { "Authorization" } ")" }
            }
        }
    }
}

/// Whether a page is another, or below it. All are below the first.
fn is_at(path: &str, href: &str) -> bool {
    match path.strip_prefix(href) {
        Some("") => true,
        Some(rest) => href != HOME && rest.starts_with('/'),
        None => false,
    }
}

/// What one reader may see is not kept for another.
fn keep_private(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.append(
        header::VARY,
        HeaderValue::from_static("cookie, authorization"),
    );
}

/// There is no such page.
pub(super) async fn nothing(visit: Visit) -> Response {
    visit.answer(async { Err(AskError::Missing) }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_page_is_at_its_entry_or_below() {
        assert!(is_at("/observatory", "/observatory"));
        assert!(!is_at("/observatory/relays", "/observatory"));
        assert!(is_at("/observatory/relays/7", "/observatory/relays"));
        assert!(!is_at("/observatory/relaysx", "/observatory/relays"));
    }
}
