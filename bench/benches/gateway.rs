//! The gateway of a real node under load (G3.5).
//!
//! `cargo bench -p stentor-bench --bench gateway -- idle|live|webhooks [NUMBER]… [BINARY]`, with the release binary of this workspace unless
//! another is named.
//!
//! * `idle [STREAMS]` (10,000): opens streams that nothing comes for, and tells the node's own memory (anonymous) before and after.
//! * `live [STREAMS] [A_SECOND] [SECONDS] [SLOW]` (1,000, 50, 30, 0): streams follow what is stored while so many events are published
//!   a second. Each client's delay is from the moment before the event is sent to the relay to the moment after the client has read
//!   it: more than from the commit to the client. `SLOW` further streams read one envelope a second.
//! * `webhooks [A_SECOND] [SECONDS] [ANSWER_MS] [ENDPOINTS]` (100, 600, 1,000, 10): so many events a second are published, each for one of
//!   the webhooks in turn; their receiver, here, takes so long to answer. The delay is from before the event is sent to the relay to
//!   the arrival of the request.
//!
//! * `peer-idle [STREAMS] ADDRESS PID`, `peer-live [STREAMS] [A_SECOND] [SECONDS] ADDRESS PID`: the same of another server, which streams from `/sub`
//!   what is posted to `/pub`; a message is as large as an envelope of ours.
//!
//! Clients and node share the machine. Each stream takes a descriptor here and one there.

// What fails here ends the benchmark.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "gateway/node.rs"]
mod node;
#[path = "gateway/peer.rs"]
mod peer;
#[path = "gateway/webhooks.rs"]
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use node::Node;
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// Connections being opened at once.
const OPENING: usize = 64;
/// Time in which the process comes to rest.
const REST: Duration = Duration::from_secs(3);
/// What stands before the moment at which an event was sent, in its content.
const MARK: &[u8] = br#""content":"sent "#;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let mode = arguments.next().unwrap_or_else(|| "live".to_owned());
    let (numbers, rest): (Vec<String>, Vec<String>) =
        arguments.partition(|argument| argument.parse::<u64>().is_ok());
    let number = |place: usize, otherwise: u64| {
        let given = numbers.get(place);
        given.map_or(otherwise, |text| text.parse().unwrap())
    };
    if let Some(what) = mode.strip_prefix("peer-") {
        let address = rest.first().expect("the peer's address");
        let numbers: Vec<u64> = numbers.iter().map(|text| text.parse().unwrap()).collect();
        return peer::measure(what, address, &numbers).await;
    }
    let node = Node::start(rest.first().map(String::as_str));
    match mode.as_str() {
        "idle" => idle(&node, number(0, 10_000)).await,
        "live" => {
            let rate = (number(1, 50), number(2, 30));
            live(&node, number(0, 1_000), rate, number(3, 0)).await;
        }
        "webhooks" => {
            let rate = (number(0, 100), number(1, 600));
            let answer = Duration::from_millis(number(2, 1_000));
            webhooks::measure(&node, rate, answer, number(3, 10)).await;
        }
        _ => panic!("idle, live or webhooks"),
    }
}

/// Opens a stream, and reads until it has told where it begins.
async fn open(node: &Node, types: &str) -> TcpStream {
    let request = format!(
        "GET /api/v1/events?types={types} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        node.key
    );
    open_at(&node.address, &request, b"\nid:").await
}

/// The same by any request, until so much has been told.
async fn open_at(address: &str, request: &str, until: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !contains(&read, until) {
        let more = timeout(Duration::from_secs(30), socket.read_buf(&mut read)).await;
        let more = more.expect("in time").unwrap();
        assert!(more > 0, "{}", String::from_utf8_lossy(&read));
    }
    assert!(
        read.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&read)
    );
    socket
}

async fn open_many(node: &Node, streams: u64, types: &'static str) -> Vec<TcpStream> {
    let opened = futures_util::stream::iter(0..streams).map(|_| open(node, types));
    opened.buffer_unordered(OPENING).collect().await
}

async fn idle(node: &Node, streams: u64) {
    sleep(REST).await;
    let before = node.memory();
    let begun = Instant::now();
    let opened = open_many(node, streams, "job").await;
    let took = begun.elapsed();
    sleep(REST).await;
    let after = node.memory();
    let each = (after.saturating_sub(before)) as f64 / streams as f64;
    println!(
        "{} idle streams, opened in {:.1} s: {:.1} MiB with them, {:.1} MiB without; {each:.2} KiB each",
        opened.len(),
        took.as_secs_f64(),
        after as f64 / 1_024.0,
        before as f64 / 1_024.0,
    );
}

async fn live(node: &Node, streams: u64, (rate, seconds): (u64, u64), slow: u64) {
    let begun = Instant::now();
    let (delays, mut gathered) = mpsc::unbounded_channel();
    let counted = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for socket in open_many(node, slow, "nostr.event.stored").await {
        clients.spawn(read_slowly(socket));
    }
    for socket in open_many(node, streams, "nostr.event.stored").await {
        clients.spawn(read(socket, begun, delays.clone(), Arc::clone(&counted)));
    }
    drop(delays);
    let (before, work) = (node.memory(), node.work());
    let published = publish(node, begun, rate, seconds, |_| 1).await;
    let due = published * streams;
    let waited = Instant::now();
    while counted.load(Ordering::Relaxed) < due && waited.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(20)).await;
    }
    let (after, work) = (node.memory(), node.work() - work);
    clients.shutdown().await;
    let mut all: Vec<u32> = Vec::new();
    while let Some(some) = gathered.recv().await {
        all.extend::<Vec<u32>>(some);
    }
    println!(
        "{streams} streams ({slow} slow ones beside), {rate} events a second for {seconds} s: {} of {due} envelopes; \
         ms from sending to reading {}; node: {:.0} % of a core, {:.1} MiB, before {:.1}",
        all.len(),
        spread(all),
        work.as_secs_f64() / seconds as f64 * 100.0,
        after as f64 / 1_024.0,
        before as f64 / 1_024.0,
    );
}

/// Publishes so many events a second, each of the kind that its number has. Returns how many were accepted.
async fn publish(
    node: &Node,
    begun: Instant,
    rate: u64,
    seconds: u64,
    kind: impl Fn(u64) -> u16,
) -> u64 {
    let (socket, _) = connect_async(&node.url).await.unwrap();
    let (mut send, mut receive) = socket.split();
    let accepted = tokio::spawn(async move {
        let mut accepted = 0;
        while accepted < rate * seconds {
            let answer = receive.next().await.unwrap().unwrap().into_text().unwrap();
            if answer.starts_with("[\"OK\"") {
                assert!(answer.contains("true"), "{answer}");
                accepted += 1;
            }
        }
        accepted
    });
    let secret = SecretKey::from_bytes([7; 32]).unwrap();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..rate * seconds {
        ticks.tick().await;
        let content = format!("sent {} {}", begun.elapsed().as_micros(), "x".repeat(120));
        let note = EventBuilder::new(Kind(kind(number)), Timestamp(1_700_000_000 + number))
            .content(&content);
        let event = note.sign(&secret);
        let text = format!("[\"EVENT\",{}]", String::from_utf8_lossy(event.json()));
        send.send(Message::text(text)).await.unwrap();
    }
    accepted.await.unwrap()
}

/// Reads a stream until it is dropped; what it has seen goes with each piece.
async fn read(
    mut socket: TcpStream,
    begun: Instant,
    delays: mpsc::UnboundedSender<Vec<u32>>,
    counted: Arc<AtomicU64>,
) {
    let mut waiting = Vec::with_capacity(8 << 10);
    while socket.read_buf(&mut waiting).await.unwrap() > 0 {
        let now = begun.elapsed().as_micros() as u64;
        let mut seen = Vec::new();
        while let Some((sent, rest)) = next_moment(&waiting) {
            seen.push(u32::try_from(now - sent).unwrap());
            waiting.drain(..rest);
        }
        // What cannot be the beginning of a mark any more.
        if waiting.len() > 4 << 10 {
            waiting.drain(..waiting.len() - MARK.len() - 32);
        }
        counted.fetch_add(seen.len() as u64, Ordering::Relaxed);
        if !seen.is_empty() {
            let _ = delays.send(seen);
        }
    }
}

/// Delays in microseconds, told in milliseconds.
fn spread(mut delays: Vec<u32>) -> String {
    delays.sort_unstable();
    let at = |share: f64| {
        let place = ((delays.len() as f64 * share) as usize).min(delays.len().saturating_sub(1));
        f64::from(delays.get(place).copied().unwrap_or_default()) / 1_000.0
    };
    let (p50, p95, p99, most) = (at(0.5), at(0.95), at(0.99), at(1.0));
    format!("p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, most {most:.1}")
}

/// The next moment in what was read, and where the rest begins.
fn next_moment(read: &[u8]) -> Option<(u64, usize)> {
    let at = read.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = read[at..].iter().position(|byte| *byte == b' ')?;
    let text = str::from_utf8(&read[at..at + digits]).unwrap();
    Some((text.parse().unwrap(), at + digits))
}

/// Reads about one envelope a second.
async fn read_slowly(mut socket: TcpStream) {
    let mut piece = [0; 900];
    loop {
        sleep(Duration::from_secs(1)).await;
        if socket.read(&mut piece).await.is_ok_and(|read| read == 0) {
            return;
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|some| some == part)
}
