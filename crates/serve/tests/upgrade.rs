//! Upgrades by routes: after an await, with their own sessions and settings, under the same caps and drain as `/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use common::client::{Client, text, upgrade_request};
use common::{LOCAL, PATIENCE, deserted, http, start_routes, start_with_routes};
use http::{HeaderMap, StatusCode, header};
use stentor_serve::{
    ConnectionCaps, ConnectionInfo, DrainSignal, Flow, ListenerSettings, Outbox, Problem,
    ServerConfig, Session, SessionIo, Stage, Upgrade, WebSocketConfig,
};
use tokio::sync::Notify;

/// A session unlike those on `/`.
struct Shouting;

impl Session for Shouting {
    fn on_open(&mut self, io: &mut SessionIo<'_>) -> Flow {
        io.write_text(b"WELCOME");
        Flow::Continue
    }

    fn on_text(&mut self, text: &str, io: &mut SessionIo<'_>) -> Flow {
        io.write_text(text.to_uppercase().as_bytes());
        Flow::Continue
    }
}

fn shout(_: &Arc<ConnectionInfo>, _: &Outbox) -> Shouting {
    Shouting
}

fn narrow() -> Arc<WebSocketConfig> {
    Arc::new(WebSocketConfig {
        max_message: 20,
        deflate: false,
        ..WebSocketConfig::default()
    })
}

const PATH: &str = "/api/v1/ws";

/// Waits as for a look at a database, then judges.
async fn authenticated(headers: HeaderMap, Extension(upgrade): Extension<Upgrade>) -> Response {
    tokio::task::yield_now().await;
    match headers
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes())
    {
        None => Problem::new(StatusCode::UNAUTHORIZED).into_response(),
        Some(b"good") => upgrade.accept(narrow(), shout),
        Some(_) => Problem::new(StatusCode::FORBIDDEN).into_response(),
    }
}

fn routes() -> Router {
    Router::new()
        .route(PATH, get(authenticated))
        .route("/page", get(|| async { "a page" }))
}

const GOOD: &str = "Authorization: good\r\n";

async fn opened(address: std::net::SocketAddr) -> Client {
    let mut client = Client::tcp(address).await;
    let answer = client.request(&upgrade_request(PATH, GOOD)).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert_eq!(client.next().await.text(), "WELCOME");
    client
}

#[tokio::test]
async fn g2_2_refused_before_the_upgrade_by_the_handler() {
    let running = start_with_routes(ServerConfig::default(), routes());
    for (headers, status) in [("", "401"), ("Authorization: bad\r\n", "403")] {
        let mut client = Client::tcp(running.address).await;
        let answer = client.request(&upgrade_request(PATH, headers)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.contains("x-content-type-options: nosniff"));
        client.ended().await;
    }
    deserted(&running).await;
}

#[tokio::test]
async fn g3_2_routes_have_their_own_sessions_and_settings() {
    let running = start_with_routes(ServerConfig::default(), routes());
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let mut loud = Client::tcp(running.address).await;
    let answer = loud
        .request(&upgrade_request(PATH, &format!("{GOOD}{offer}")))
        .await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(!answer.contains("permessage-deflate"), "{answer}");
    let mut quiet = Client::tcp(running.address).await;
    let answer = quiet.request(&upgrade_request("/", offer)).await;
    assert!(answer.contains("permessage-deflate"), "{answer}");
    let mut quiet = Client::connect(running.address).await;
    assert_eq!(loud.next().await.text(), "WELCOME");
    let long = "longer than the route takes";
    for (client, answer) in [(&mut loud, "HELLO"), (&mut quiet, "echo hello")] {
        client.send(&text("hello")).await;
        assert_eq!(client.next().await.text(), answer);
        client.send(&text(long)).await;
    }
    assert_eq!(quiet.next().await.text(), format!("echo {long}"));
    assert_eq!(loud.closed().await.0, 1009);
}

#[tokio::test]
async fn handshakes_are_checked_on_routes_too() {
    let running = start_with_routes(ServerConfig::default(), routes());
    let good = upgrade_request(PATH, GOOD);
    for (from, to, status) in [
        ("Upgrade: websocket\r\n", "", "426"),
        ("Version: 13", "Version: 12", "426"),
        ("Key: d", "Key: ", "400"),
        ("Connection: Upgrade", "Connection: keep-alive", "400"),
    ] {
        let mut client = Client::tcp(running.address).await;
        let answer = client.request(&good.replace(from, to)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{to}: {answer}"
        );
        assert_eq!(answer.contains("upgrade: websocket"), status == "426");
    }
}

#[tokio::test]
async fn r1_14_a_route_that_does_not_upgrade_answers_as_always() {
    let running = start_with_routes(ServerConfig::default(), routes());
    let mut client = Client::tcp(running.address).await;
    let answer = client.request(&upgrade_request("/page", "")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    client.ended().await;
    let mut client = Client::tcp(running.address).await;
    let answer = client.request(&upgrade_request("/nowhere", "")).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn r4_5_caps_count_upgrades_of_all_routes() {
    let caps = ConnectionCaps {
        total: 100,
        per_address: 2,
    };
    let settings = || {
        let mut settings = ListenerSettings::default();
        settings.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
        settings
    };
    let running = start_routes(LOCAL, settings(), ServerConfig::default(), caps, routes());
    // All from one proxy, so that only the upgrade counts them by address.
    let from = "X-Forwarded-For: 203.0.113.9\r\n";
    let ask = |path, headers: &str| upgrade_request(path, &format!("{from}{headers}"));
    let mut held = Vec::new();
    for (path, status) in [("/", "101"), (PATH, "101"), (PATH, "429"), ("/", "429")] {
        let mut client = Client::tcp(running.address).await;
        let answer = client.request(&ask(path, GOOD)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
        assert_eq!(answer.contains("retry-after"), status == "429");
        held.push(client);
    }
    drop(held);
    deserted(&running).await;
    let mut client = Client::tcp(running.address).await;
    let answer = client.request(&ask(PATH, GOOD)).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
}

#[tokio::test]
async fn g6_1_no_upgrade_by_a_handler_that_is_done_after_the_drain_began() {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (seen, wait) = (Arc::clone(&asked), Arc::clone(&go));
    let handler = move |Extension(upgrade): Extension<Upgrade>,
                        Extension(drain): Extension<DrainSignal>| async move {
        assert!(!drain.is_draining());
        seen.notify_one();
        drain.reached(Stage::Draining).await;
        wait.notified().await;
        upgrade.accept(narrow(), shout)
    };
    let routes = routes().route("/slow", get(handler));
    let running = start_with_routes(ServerConfig::default(), routes);
    let mut before = opened(running.address).await;
    let mut late = Client::tcp(running.address).await;
    late.send(upgrade_request("/slow", "").as_bytes()).await;
    asked.notified().await;
    let drain = running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    assert_eq!(before.closed().await.0, 1012);
    drop(before);
    go.notify_one();
    let answer = late.head().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after:"), "{answer}");
    late.ended().await;
    let report = drained.await.unwrap();
    assert_eq!((report.open, report.aborted), (1, 0));
}

#[tokio::test]
async fn an_upgraded_connection_outlives_the_time_for_requests() {
    let config = http(|http| http.request_timeout = Duration::from_millis(100));
    let running = start_with_routes(config, routes());
    let mut client = opened(running.address).await;
    // A request that begins later runs out of time first.
    let answer = Client::tcp(running.address)
        .await
        .request("GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    client.send(&text("still here")).await;
    assert_eq!(client.next().await.text(), "STILL HERE");
}

#[tokio::test]
async fn an_upgrade_whose_answer_does_not_get_out_opens_nothing() {
    struct Never;
    impl Session for Never {
        fn on_text(&mut self, _: &str, _: &mut SessionIo<'_>) -> Flow {
            Flow::Continue
        }
    }
    let opened = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&opened);
    let handler = move |Extension(upgrade): Extension<Upgrade>| async move {
        let twice = upgrade.clone();
        let first = upgrade.accept(narrow(), move |_, _| {
            seen.store(true, Ordering::SeqCst);
            Never
        });
        assert_eq!(first.status(), StatusCode::SWITCHING_PROTOCOLS);
        twice.accept(narrow(), shout)
    };
    let routes = Router::new().route(PATH, get(handler));
    let running = start_with_routes(ServerConfig::default(), routes);
    let mut client = Client::tcp(running.address).await;
    let answer = client.request(&upgrade_request(PATH, "")).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    client.ended().await;
    deserted(&running).await;
    assert!(!opened.load(Ordering::SeqCst));
}

/// What is sent right behind the handshake, before its answer, is the session's.
#[tokio::test]
async fn bytes_behind_the_handshake_are_not_lost() {
    let running = start_with_routes(ServerConfig::default(), routes());
    let mut client = Client::tcp(running.address).await;
    let mut bytes = upgrade_request(PATH, GOOD).into_bytes();
    bytes.extend(text("early"));
    client.send(&bytes).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101"));
    assert_eq!(client.next().await.text(), "WELCOME");
    assert_eq!(client.next().await.text(), "EARLY");
}
