//! Streams of events on real connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use common::client::Client;
use common::events::{Dispatched, End, Parser, Reading};
use common::{LOCAL, PATIENCE, Running, deserted, http, start_routes, websocket};
use futures_util::Stream;
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;
use stentor_serve::headers::{Cors, cors};
use stentor_serve::sse::{Event, EventStream, Events, StreamConfig, refused_for_now};
use stentor_serve::{ConnectionCaps, DrainSignal, ListenerSettings, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

const EVENTS: &str = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";

/// More than the kernel takes for a client that does not read.
const LARGE: usize = 16 << 20;

/// Where the tests put what streams are to yield.
#[derive(Clone)]
struct Feeds {
    /// The ends that the streams to be opened read from.
    next: Arc<Mutex<Vec<UnboundedReceiver<Events>>>>,
    pulled: Arc<AtomicUsize>,
    gone: UnboundedSender<()>,
    keep_alive: Duration,
}

/// A source that tells how much was taken from it and when it is dropped.
struct Source {
    events: UnboundedReceiver<Events>,
    feeds: Feeds,
}

impl Stream for Source {
    type Item = Events;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Events>> {
        let next = self.events.poll_recv(cx);
        if let Poll::Ready(Some(events)) = &next {
            self.feeds.pulled.fetch_add(events.len(), Ordering::SeqCst);
        }
        next
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.feeds.gone.send(());
    }
}

/// A server of streams, and the other ends of them.
struct Streams {
    running: Running,
    feeds: Feeds,
    gone: UnboundedReceiver<()>,
}

async fn events(
    Extension(feeds): Extension<Feeds>,
    Extension(drain): Extension<DrainSignal>,
) -> EventStream {
    let events = feeds.next.lock().pop().expect("no feed for this stream");
    let config = StreamConfig {
        keep_alive: feeds.keep_alive,
        reconnect: Duration::from_millis(1_234),
    };
    EventStream::new(Source { events, feeds }, config, drain)
}

/// The same as a body like others, written by HTTP.
async fn as_body(feeds: Extension<Feeds>, drain: Extension<DrainSignal>) -> Response {
    let mut response = events(feeds, drain).await.into_response();
    response.extensions_mut().clear();
    response
}

impl Streams {
    fn start(config: ServerConfig) -> Self {
        Self::with(config, Duration::ZERO)
    }

    fn with(config: ServerConfig, keep_alive: Duration) -> Self {
        let (settings, caps) = (ListenerSettings::default(), ConnectionCaps::default());
        Self::at(settings, config, caps, keep_alive)
    }

    fn at(
        settings: ListenerSettings,
        config: ServerConfig,
        caps: ConnectionCaps,
        keep_alive: Duration,
    ) -> Self {
        let (gone, going) = unbounded_channel();
        let feeds = Feeds {
            next: Arc::default(),
            pulled: Arc::default(),
            gone,
            keep_alive,
        };
        let routes = Router::new()
            .route("/events", get(events))
            .route("/body", get(as_body))
            .route(
                "/full",
                get(|| async { refused_for_now(Duration::from_secs(7)) }),
            )
            .route("/large", get(|| async { vec![b'l'; LARGE] }))
            .layer(axum::middleware::from_fn_with_state(Cors::any(), cors))
            .layer(Extension(feeds.clone()));
        Self {
            running: start_routes(LOCAL, settings, config, caps, routes),
            feeds,
            gone: going,
        }
    }

    /// What feeds the next stream.
    fn feed(&self) -> UnboundedSender<Events> {
        let (give, take) = unbounded_channel();
        self.feeds.next.lock().push(take);
        give
    }

    async fn open(&self) -> (Reading, UnboundedSender<Events>) {
        let feed = self.feed();
        let client = Client::tcp(self.running.address).await;
        (Reading::open(client, "/events").await, feed)
    }

    async fn source_gone(&mut self) {
        timeout(PATIENCE, self.gone.recv())
            .await
            .expect("the source is held")
            .unwrap();
    }
}

fn event(id: &str, data: &str) -> Events {
    let mut events = Events::new();
    let event = Event {
        id: Some(id),
        name: Some("nostr.event.stored"),
        data,
    };
    events.event(&event).unwrap();
    events
}

fn dispatched(id: &str, data: &str) -> Dispatched {
    Dispatched {
        id: id.to_owned(),
        name: "nostr.event.stored".to_owned(),
        data: data.to_owned(),
    }
}

#[tokio::test]
async fn g3_1_events_come_as_a_browser_reads_them_and_the_end_is_told() {
    let streams = Streams::start(ServerConfig::default());
    let (mut reading, feed) = streams.open().await;
    for header in [
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
        "transfer-encoding: chunked\r\n",
        "connection: close\r\n",
        "x-content-type-options: nosniff\r\n",
    ] {
        assert!(
            reading.head.contains(header),
            "{header} in {}",
            reading.head
        );
    }
    assert!(
        !reading.head.contains("content-encoding"),
        "{}",
        reading.head
    );
    feed.send(event("1", "{\"a\":1}")).unwrap();
    reading.until(|parser| !parser.events.is_empty()).await;
    let long = "Zeile\n".repeat(50_000);
    feed.send(event("2", &long)).unwrap();
    feed.send(event("3", "")).unwrap();
    drop(feed);
    assert_eq!(reading.end().await, End::Complete);
    let expected = [
        dispatched("1", "{\"a\":1}"),
        dispatched("2", &long),
        dispatched("3", ""),
    ];
    assert_eq!(reading.parser.events, expected);
    deserted(&streams.running).await;
}

#[tokio::test]
async fn g3_1_to_http_1_0_the_end_of_the_connection_is_the_end() {
    let streams = Streams::start(ServerConfig::default());
    let feed = streams.feed();
    let mut client = Client::tcp(streams.running.address).await;
    let head = client
        .request("GET /events HTTP/1.0\r\n\r\n")
        .await
        .to_lowercase();
    assert!(
        head.contains(" 200 ") && !head.contains("transfer-encoding"),
        "{head}"
    );
    feed.send(event("1", "a")).unwrap();
    drop(feed);
    let mut parser = Parser::default();
    while let Some(bytes) = client.bytes().await {
        parser.feed(&bytes);
    }
    assert_eq!(parser.events, [dispatched("1", "a")]);
}

#[tokio::test]
async fn a_head_request_opens_no_stream() {
    let mut streams = Streams::start(ServerConfig::default());
    let _feed = streams.feed();
    let mut client = Client::tcp(streams.running.address).await;
    let head = client.request(&EVENTS.replace("GET", "HEAD")).await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    streams.source_gone().await;
    // The connection goes on.
    let head = client.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

/// Answers to earlier requests are out before the stream is taken over, however slowly the client takes them.
#[tokio::test]
async fn a_stream_comes_after_all_that_was_asked_for_before() {
    let streams = Streams::start(ServerConfig::default());
    let feed = streams.feed();
    let mut client = Client::narrow(streams.running.address).await;
    let large = EVENTS.replace("/events", "/large");
    client
        .send(format!("{large}{large}{EVENTS}").as_bytes())
        .await;
    feed.send(event("1", "a")).unwrap();
    drop(feed);
    for _ in 0..2 {
        assert!(client.head().await.starts_with("HTTP/1.1 200"));
        let mut left = LARGE;
        while left > 0 {
            let bytes = client.bytes().await.expect("it was cut off");
            let (body, next) = bytes.split_at(left.min(bytes.len()));
            assert!(body.iter().all(|byte| *byte == b'l'));
            left -= body.len();
            client.unread(next);
        }
    }
    assert!(
        client
            .head()
            .await
            .contains("content-type: text/event-stream")
    );
    let mut rest = Vec::new();
    while let Some(bytes) = client.bytes().await {
        rest.extend(bytes);
    }
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.ends_with("data: a\n\n\r\n0\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn g3_5_who_takes_nothing_is_cut_off_and_slows_nobody() {
    let config = websocket(|websocket| websocket.write_timeout = Duration::from_millis(300));
    let mut streams = Streams::start(config);
    let (mut reading, feed) = streams.open().await;
    let flood = streams.feed();
    let mut silent = Client::narrow(streams.running.address).await;
    silent.send(EVENTS.as_bytes()).await;
    let block = event("1", &"x".repeat(100_000));
    let sizes = 600;
    for _ in 0..sizes {
        flood.send(block.clone()).unwrap();
    }
    for number in 0..200 {
        let id = number.to_string();
        feed.send(event(&id, "a")).unwrap();
        reading.until(|parser| parser.last_id == id).await;
    }
    let others = reading.parser.events.len() * event("100", "a").len();
    streams.source_gone().await;
    let pulled = streams.feeds.pulled.load(Ordering::SeqCst) - others;
    // What the kernel takes for both ends, and no more.
    assert!(pulled < 20_000_000, "{pulled} of {}", sizes * block.len());
    assert!(!flood.is_closed() || flood.send(block).is_err());
    feed.send(event("last", "a")).unwrap();
    reading.until(|parser| parser.last_id == "last").await;
    drop(feed);
    assert_eq!(reading.end().await, End::Complete);
    deserted(&streams.running).await;
}

#[tokio::test]
async fn g3_1_comments_keep_a_quiet_stream_alive() {
    let streams = Streams::with(ServerConfig::default(), Duration::from_millis(20));
    let (mut reading, feed) = streams.open().await;
    reading.until(|parser| parser.comments.len() >= 3).await;
    assert!(reading.parser.events.is_empty());
    feed.send(event("1", "a")).unwrap();
    reading.until(|parser| !parser.events.is_empty()).await;
}

#[tokio::test]
async fn g6_1_a_drain_ends_streams_with_a_hint() {
    let mut streams = Streams::start(ServerConfig::default());
    let (mut one, feed) = streams.open().await;
    let (mut two, _held) = streams.open().await;
    feed.send(event("1", "a")).unwrap();
    one.until(|parser| !parser.events.is_empty()).await;
    let drain = streams.running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    for reading in [&mut one, &mut two] {
        assert_eq!(reading.end().await, End::Complete);
        assert_eq!(reading.parser.retry, Some(1_234));
        streams.source_gone().await;
    }
    let report = drained.await.unwrap();
    assert_eq!((report.open, report.aborted), (2, 0));
    assert_eq!(streams.running.server.limits().open(), 0, "all have ended");
}

#[tokio::test]
async fn g6_1_the_deadline_of_a_drain_cuts_who_takes_nothing() {
    let mut streams = Streams::start(ServerConfig::default());
    let flood = streams.feed();
    let mut silent = Client::narrow(streams.running.address).await;
    silent.send(EVENTS.as_bytes()).await;
    let block = event("1", &"x".repeat(1_000_000));
    for _ in 0..100 {
        flood.send(block.clone()).unwrap();
    }
    silent.head().await;
    let report = streams.running.drain.run(Duration::from_millis(200)).await;
    assert_eq!((report.open, report.aborted), (1, 1));
    streams.source_gone().await;
    deserted(&streams.running).await;
}

/// A request that was accepted before the drain and answered after it began.
#[tokio::test]
async fn g6_1_a_stream_that_begins_in_a_drain_gets_its_hint_at_once() {
    let streams = Streams::start(ServerConfig::default());
    let _feed = streams.feed();
    let mut late = Client::tcp(streams.running.address).await;
    late.send(&EVENTS.as_bytes()[..20]).await;
    let (mut other, _held) = streams.open().await;
    let drain = streams.running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    other.end().await;
    late.send(&EVENTS.as_bytes()[20..]).await;
    assert!(late.head().await.starts_with("HTTP/1.1 200"));
    let mut rest = Vec::new();
    while let Some(bytes) = late.bytes().await {
        rest.extend(bytes);
    }
    assert_eq!(rest, b"d\r\nretry: 1234\n\n\r\n0\r\n\r\n");
    drained.await.unwrap();
}

#[tokio::test]
async fn g3_4_streams_count_under_the_caps_until_they_end() {
    let streams = Streams::start(ServerConfig::default());
    let (reading, _feed) = streams.open().await;
    assert_eq!(streams.running.server.limits().open(), 1);
    drop(reading);
    deserted(&streams.running).await;
}

#[tokio::test]
async fn g3_4_behind_a_proxy_streams_count_for_the_clients_address() {
    let mut settings = ListenerSettings::default();
    settings.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
    let caps = ConnectionCaps {
        total: 100,
        per_address: 1,
    };
    let mut streams = Streams::at(settings, ServerConfig::default(), caps, Duration::ZERO);
    let request = EVENTS.replace("Host", "X-Forwarded-For: 203.0.113.9\r\nHost");
    let _feed = streams.feed();
    let mut one = Client::tcp(streams.running.address).await;
    let head = one.request(&request).await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let _other = streams.feed();
    let mut two = Client::tcp(streams.running.address).await;
    let head = two.request(&request).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    // Without what a layer said, a browser would take it for an error, and give up.
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    assert_eq!(two.bytes().await.unwrap(), b"retry: 60000\n\n");
    streams.source_gone().await;
    // The proxy's connection goes on, and others behind it are served.
    let _third = streams.feed();
    let head = two.request(&request.replace("113.9", "113.10")).await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    drop((one, two));
    deserted(&streams.running).await;
}

#[tokio::test]
async fn g7_streams_are_counted_by_how_they_ended() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = recorder.handle();
    let config = websocket(|websocket| websocket.write_timeout = Duration::from_millis(100));
    let mut streams = metrics::with_local_recorder(&recorder, || Streams::start(config));
    let (leaving, _feed) = streams.open().await;
    let (mut ending, feed) = streams.open().await;
    let (mut draining, _held) = streams.open().await;
    assert!(told.render().contains("stentor_sse_streams 3"));
    drop(leaving);
    streams.source_gone().await;
    drop(feed);
    ending.end().await;
    let flood = streams.feed();
    let mut silent = Client::narrow(streams.running.address).await;
    silent.send(EVENTS.as_bytes()).await;
    let block = event("1", &"x".repeat(1_000_000));
    for _ in 0..50 {
        flood.send(block.clone()).unwrap();
    }
    for _ in 0..2 {
        streams.source_gone().await;
    }
    streams.running.drain.run(PATIENCE).await;
    draining.end().await;
    let told = told.render();
    assert!(told.contains("stentor_sse_streams 0"), "{told}");
    for reason in ["client", "source", "stalled", "drain"] {
        let line = format!("stentor_sse_closed_total{{reason=\"{reason}\"}} 1");
        assert!(told.contains(&line), "{line} in {told}");
    }
}

/// Nothing is to be written, and yet it is noticed: when the client closes, and when it only says that it will send no more.
#[tokio::test]
async fn g3_5_a_client_that_leaves_is_noticed_without_a_write() {
    for path in ["/events", "/body"] {
        let mut streams = Streams::start(ServerConfig::default());
        let feed = streams.feed();
        let client = Client::tcp(streams.running.address).await;
        let reading = Reading::open(client, path).await;
        drop(reading);
        streams.source_gone().await;
        assert!(feed.is_closed());
        let feed = streams.feed();
        let client = Client::tcp(streams.running.address).await;
        let mut reading = Reading::open(client, path).await;
        reading.client.stream.shutdown().await.unwrap();
        streams.source_gone().await;
        assert!(feed.is_closed());
        assert_eq!(reading.end().await, End::Cut);
    }
}

#[tokio::test]
async fn a_client_that_goes_on_sending_is_cut_off() {
    let mut streams = Streams::start(ServerConfig::default());
    let (mut reading, _feed) = streams.open().await;
    let sending = async {
        while reading
            .client
            .stream
            .write_all(&[b'x'; 1_000])
            .await
            .is_ok()
        {}
    };
    timeout(PATIENCE, sending)
        .await
        .expect("it was never cut off");
    streams.source_gone().await;
}

#[tokio::test]
async fn a_stream_outlives_the_time_for_requests() {
    let streams = Streams::start(http(|http| {
        http.request_timeout = Duration::from_millis(100)
    }));
    let (mut reading, feed) = streams.open().await;
    let answer = Client::tcp(streams.running.address)
        .await
        .request("GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    feed.send(event("1", "a")).unwrap();
    reading.until(|parser| !parser.events.is_empty()).await;
}

#[tokio::test]
async fn g3_1_as_a_body_it_is_the_same() {
    let mut streams = Streams::start(ServerConfig::default());
    let feed = streams.feed();
    let client = Client::tcp(streams.running.address).await;
    let mut reading = Reading::open(client, "/body").await;
    feed.send(event("1", "a")).unwrap();
    reading.until(|parser| !parser.events.is_empty()).await;
    let drain = streams.running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    assert_eq!(reading.end().await, End::Complete);
    assert_eq!(reading.parser.retry, Some(1_234));
    streams.source_gone().await;
    drained.await.unwrap();
}

#[tokio::test]
async fn g6_1_who_is_refused_for_now_is_told_when_to_come_back() {
    let streams = Streams::start(ServerConfig::default());
    let mut client = Client::tcp(streams.running.address).await;
    let head = client
        .request("GET /full HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("content-length: 13"), "{head}");
    let mut parser = Parser::default();
    while parser.retry.is_none() {
        parser.feed(&client.bytes().await.unwrap());
    }
    assert_eq!(parser.retry, Some(7_000));
}
