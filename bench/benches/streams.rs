//! What an idle stream of events takes: the memory of a process of its own that serves many, and how long it takes to open them.
//!
//! `cargo bench -p stentor-bench --bench streams -- [STREAMS]` (10,000 by default; each takes a descriptor here and one there). Twice:
//! as the server writes them, in a task without HTTP (`taken`), and as HTTP would write their bodies (`body`). Each stream has been
//! sent one event, and its source waits on a channel that all share. The memory is what is the process's own (anonymous), with the
//! allocator that the node has.

// What fails here ends the benchmark.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use stentor_serve::sse::{Event, EventStream, Events, StreamConfig};
use stentor_serve::{
    ConnectionCaps, ConnectionLimits, Drain, DrainSignal, Listener, ListenerSettings,
    ListeningSocket, Server, ServerConfig, bind, listen,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections being opened at once.
const OPENING: usize = 64;
/// Time in which the process comes to rest.
const REST: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return serve().await;
    }
    let streams: usize = arguments
        .first()
        .map_or(10_000, |text| text.parse().unwrap());
    for way in ["taken", "body"] {
        measure(way, streams).await;
    }
}

/// Serves until it is killed, after a line with its address.
async fn serve() {
    let (feed, _) = broadcast::channel::<()>(16);
    let router = Router::new()
        .route("/taken", get(taken))
        .route("/body", get(body))
        .with_state(feed);
    let server = Server::http_only(
        router,
        ServerConfig::default(),
        ConnectionLimits::new(ConnectionCaps::NONE),
        Drain::new(),
    );
    let socket = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap().remove(0);
    println!("{}", socket.local_addr().unwrap());
    let listener = Listener::new("streams", ListenerSettings::default());
    let _ = listen(server, ListeningSocket::Tcp(socket), listener).await;
}

async fn taken(
    State(feed): State<broadcast::Sender<()>>,
    Extension(drain): Extension<DrainSignal>,
) -> EventStream {
    let mut first = Events::new();
    let event = Event {
        id: Some("1"),
        data: "{}",
        ..Event::default()
    };
    first.event(&event).unwrap();
    let source = stream::unfold(
        (Some(first), feed.subscribe()),
        |(first, mut feed)| async move {
            if let Some(first) = first {
                return Some((first, (None, feed)));
            }
            feed.recv().await.ok()?;
            Some((Events::new(), (None, feed)))
        },
    );
    let config = StreamConfig {
        keep_alive: Duration::from_secs(15),
        reconnect: Duration::from_secs(1),
    };
    EventStream::new(source, config, drain)
}

/// Without what the server knows it by, it is a body like others.
async fn body(feed: State<broadcast::Sender<()>>, drain: Extension<DrainSignal>) -> Response {
    let mut response = taken(feed, drain).await.into_response();
    response.extensions_mut().clear();
    response
}

async fn measure(way: &str, streams: usize) {
    let (mut server, address) = start();
    // Whatever is made once, for the first connection, is no stream's.
    drop(open(address, way).await);
    tokio::time::sleep(REST).await;
    let before = own_kib(server.id());
    let begun = Instant::now();
    let mut held = Vec::with_capacity(streams);
    while held.len() < streams {
        let batch: Vec<_> = (0..OPENING.min(streams - held.len()))
            .map(|_| {
                let way = way.to_owned();
                tokio::spawn(async move { open(address, &way).await })
            })
            .collect();
        for opening in batch {
            held.push(opening.await.unwrap());
        }
    }
    let took = begun.elapsed();
    tokio::time::sleep(REST).await;
    let after = own_kib(server.id());
    println!(
        "{way}: {streams} streams opened in {:.1} s; {:.1} MiB before, {:.1} MiB with them, {:.2} KiB each",
        took.as_secs_f64(),
        before as f64 / 1024.0,
        after as f64 / 1024.0,
        (after - before) as f64 / streams as f64,
    );
    drop(held);
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Starts this program again, as the server.
fn start() -> (Child, SocketAddr) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (server, line.trim().parse().unwrap())
}

/// Opens a stream and waits for its first event.
async fn open(address: SocketAddr, way: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /{way} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0)\r\n\
         Accept-Language: de,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\nCache-Control: no-cache\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(10).any(|part| part == b"data: {}\n\n") {
        let read = stream.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    stream
}

/// The memory of a process that is its own, in KiB.
fn own_kib(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
