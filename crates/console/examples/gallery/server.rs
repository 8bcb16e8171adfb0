//! The routes, and the stream of changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream};
use http::{HeaderValue, StatusCode, Uri};
use stentor_console::{Markup, NavEntry, Page, Query, assets, respond};
use tokio::sync::watch;

use crate::{pages, relays};

type Ticks = watch::Sender<u64>;

/// All routes; figures change by themselves unless `still`.
pub(crate) fn router(still: bool) -> Router {
    let ticks = Ticks::new(0);
    if !still {
        let ticks = ticks.clone();
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_secs(2));
            loop {
                interval.tick().await;
                ticks.send_modify(|tick| *tick += 1);
            }
        });
    }
    Router::new()
        .route("/", get(overview))
        .route("/relays", get(table))
        .route("/parts", get(parts))
        .route("/live", get(live))
        .route("/tick", post(tick))
        .with_state(ticks)
        .merge(assets::router())
}

async fn overview(uri: Uri, RawQuery(raw): RawQuery, State(ticks): State<Ticks>) -> Response {
    let query = Query::new(uri.path(), raw.as_deref());
    page("Network", "/", pages::overview(&query, *ticks.borrow()))
}

async fn table(uri: Uri, RawQuery(raw): RawQuery, State(ticks): State<Ticks>) -> Response {
    let query = Query::new(uri.path(), raw.as_deref());
    page("Relays", "/relays", relays::body(&query, *ticks.borrow()))
}

async fn parts(State(ticks): State<Ticks>) -> Response {
    page("Parts", "/parts", pages::parts(*ticks.borrow()))
}

fn page(title: &str, path: &str, body: Markup) -> Response {
    let nav =
        [("/", "Network"), ("/relays", "Relays"), ("/parts", "Parts")].map(|(href, label)| {
            NavEntry {
                href,
                label,
                current: href == path,
            }
        });
    let page = Page {
        title,
        site: "Gallery",
        home: "/",
        nav: &nav,
        tools: None,
        body,
        live: Some("/live"),
        refresh: Some(60),
    };
    respond(page.render())
}

async fn tick(State(ticks): State<Ticks>) -> StatusCode {
    ticks.send_modify(|tick| *tick += 1);
    StatusCode::NO_CONTENT
}

/// Tells of each change; several that come at once are one.
async fn live(State(ticks): State<Ticks>) -> Response {
    let mut response = Sse::new(changes(ticks.subscribe()))
        .keep_alive(KeepAlive::default())
        .into_response();
    let policy = HeaderValue::from_static(stentor_console::security::POLICY);
    response
        .headers_mut()
        .insert(http::header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn changes(seen: watch::Receiver<u64>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(seen, |mut seen| async move {
        seen.changed().await.ok()?;
        let event = Event::default()
            .event("changed")
            .data(r#"["figures","charts","relays","parts"]"#);
        Some((Ok(event), seen))
    })
}
