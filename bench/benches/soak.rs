//! A soak: a real node under steady load, with its memory watched.
//!
//! `cargo bench -p stentor-bench --bench soak -- SECONDS EVENTS_A_SECOND [BINARY]` (600 and 13,000 by default, and the release
//! binary of this workspace). Publishers send signed notes at the given rate over four connections; readers ask for the newest
//! notes, for an author's, and for a tag's, at most two hundred queries a second in all, and come back when they are closed; twenty
//! subscriptions follow authors live. Every ten seconds a line tells what was acknowledged, how long queries took, and the memory
//! of the node that is its own (anonymous; the files it maps are the system's to drop). The last line compares the middle
//! third with the last third.

// What fails here ends the benchmark.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Publishing connections, and events sent and not yet acknowledged on each.
const PUBLISHERS: usize = 4;
const WINDOW: u64 = 512;
/// Authors of the notes.
const AUTHORS: u8 = 200;
/// Reading connections, and queries of each in a second.
const READERS: u64 = 4;
const QUERIES: u64 = 50;
/// Live subscriptions.
const FOLLOWERS: u8 = 20;
/// Time between two lines.
const EVERY: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    live: AtomicU64,
    /// Readers that were closed by the node.
    closed: AtomicU64,
    queries: Mutex<Vec<Duration>>,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let seconds: u64 = arguments.next().map_or(600, |text| text.parse().unwrap());
    let rate: u64 = arguments
        .next()
        .map_or(13_000, |text| text.parse().unwrap());
    let binary = arguments.next().map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../target/release/stentor"
            ))
        },
        PathBuf::from,
    );
    let folder = tempfile::tempdir().unwrap();
    let (mut node, url) = start(&binary, folder.path());
    let tally = Arc::new(Tally::default());
    let notes = sign(rate);
    let mut clients = JoinSet::new();
    for _ in 0..PUBLISHERS {
        clients.spawn(publish(url.clone(), Arc::clone(&notes), Arc::clone(&tally)));
    }
    for number in 0..READERS {
        clients.spawn(read(url.clone(), number, Arc::clone(&tally)));
    }
    for number in 0..FOLLOWERS {
        clients.spawn(follow(url.clone(), number, Arc::clone(&tally)));
    }
    let memory = watch(node.id(), seconds, &tally).await;
    let third = memory.len() / 3;
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64 / 1024.0;
    let (middle, last) = (mean(&memory[third..2 * third]), mean(&memory[2 * third..]));
    println!(
        "memory: {middle:.1} MiB in the middle third, {last:.1} MiB in the last ({:+.1} %)",
        (last / middle - 1.0) * 100.0
    );
    clients.shutdown().await;
    node.kill().unwrap();
    node.wait().unwrap();
}

/// Starts a node without rates.
fn start(binary: &std::path::Path, data: &std::path::Path) -> (Child, String) {
    let mut command = Command::new(binary);
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
        "--data",
    ]);
    command.arg(data);
    for thing in ["events", "reqs", "bytes"] {
        for scope in ["connection", "ip", "key", "node"] {
            command.args(["--set", &format!("relay.rates.{thing}.{scope}=0")]);
        }
    }
    command.args(["--set", "relay.rates.rows=0"]);
    let mut node = command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(node.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .split_whitespace()
        .find(|word| word.starts_with("ws://"));
    (node, url.expect("the node is not ready").to_owned())
}

fn key(number: u8) -> SecretKey {
    let mut bytes = [9; 32];
    bytes[31] = number + 1;
    SecretKey::from_bytes(bytes).unwrap()
}

/// Signs notes at this rate, on a thread of its own.
fn sign(rate: u64) -> Arc<Mutex<mpsc::Receiver<String>>> {
    let (sender, receiver) = mpsc::channel(4 * WINDOW as usize);
    std::thread::spawn(move || {
        let keys: Vec<SecretKey> = (0..AUTHORS).map(key).collect();
        let begun = Instant::now();
        for number in 0_u64.. {
            let due = Duration::from_nanos(number * 1_000_000_000 / rate);
            if let Some(early) = due.checked_sub(begun.elapsed()) {
                std::thread::sleep(early);
            }
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs();
            let event = EventBuilder::new(Kind(1), Timestamp(now))
                .tag(["t", &format!("topic{}", number % 1_000)])
                .content(format!(
                    "note {number} of a soak, of the length that notes have on most days"
                ))
                .sign(&keys[(number % u64::from(AUTHORS)) as usize]);
            let text = format!("[\"EVENT\",{}]", std::str::from_utf8(event.json()).unwrap());
            if sender.blocking_send(text).is_err() {
                return;
            }
        }
    });
    Arc::new(Mutex::new(receiver))
}

/// A connection whose small messages are not held back until earlier ones are acknowledged, so that the node is measured.
async fn connected(url: &str) -> Socket {
    let connected = connect_async_with_config(url, None, true).await;
    connected.unwrap().0
}

/// Publishes what is signed, a window ahead of the acknowledgements.
async fn publish(url: String, notes: Arc<Mutex<mpsc::Receiver<String>>>, tally: Arc<Tally>) {
    let socket = connected(&url).await;
    let (mut sink, mut stream) = socket.split();
    let mut outstanding = 0;
    loop {
        tokio::select! {
            note = async { notes.lock().await.recv().await }, if outstanding < WINDOW => {
                sink.send(Message::text(note.unwrap())).await.unwrap();
                tally.sent.fetch_add(1, Ordering::Relaxed);
                outstanding += 1;
            }
            answer = stream.next() => {
                let Some(Ok(Message::Text(text))) = answer else { panic!("a publisher was closed: {answer:?}") };
                if text.starts_with("[\"OK\"") {
                    outstanding -= 1;
                    let count = if text.contains(",true,") { &tally.accepted } else { &tally.refused };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Asks, one query after the other. A reader that the node closes, as it may one that is too slow, is counted and comes back.
async fn read(url: String, number: u64, tally: Arc<Tally>) {
    let mut turn = number;
    loop {
        let mut socket = connected(&url).await;
        while ask(&mut socket, turn, &tally).await {
            turn += 1;
        }
        tally.closed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks one query when it is due. Whether the connection is still there.
async fn ask(socket: &mut Socket, turn: u64, tally: &Tally) -> bool {
    tokio::time::sleep(Duration::from_millis(1_000 / QUERIES)).await;
    let filter = match turn % 3 {
        0 => "{\"kinds\":[1],\"limit\":50}".to_owned(),
        1 => format!(
            "{{\"authors\":[\"{}\"],\"limit\":50}}",
            key((turn % u64::from(AUTHORS)) as u8).public_key()
        ),
        _ => format!("{{\"#t\":[\"topic{}\"],\"limit\":50}}", turn % 1_000),
    };
    let begun = Instant::now();
    let request = Message::text(format!("[\"REQ\",\"q\",{filter}]"));
    if socket.send(request).await.is_err() {
        return false;
    }
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.starts_with("[\"EOSE\",\"q\"") => break,
            Some(Ok(Message::Text(_) | Message::Ping(_))) => {}
            _ => return false,
        }
    }
    tally.queries.lock().await.push(begun.elapsed());
    socket
        .send(Message::text("[\"CLOSE\",\"q\"]"))
        .await
        .is_ok()
}

/// Follows an author.
async fn follow(url: String, number: u8, tally: Arc<Tally>) {
    let mut socket = connected(&url).await;
    let author = key(number).public_key();
    let request = format!("[\"REQ\",\"live\",{{\"authors\":[\"{author}\"],\"limit\":0}}]");
    socket.send(Message::text(request)).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        if message
            .to_text()
            .is_ok_and(|text| text.starts_with("[\"EVENT\""))
        {
            tally.live.fetch_add(1, Ordering::Relaxed);
        }
    }
    panic!("a follower was closed");
}

/// Prints a line now and then; the memory at each of them, in KiB.
async fn watch(process: u32, seconds: u64, tally: &Tally) -> Vec<u64> {
    println!(
        "seconds  sent/s  accepted/s  refused  live/s  query p50 ms  p99 ms  closed  own MiB  resident MiB"
    );
    let (begun, mut before, mut memory) = (Instant::now(), (0, 0, 0), Vec::new());
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    while begun.elapsed() < Duration::from_secs(seconds) {
        ticks.tick().await;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let now = (
            count(&tally.sent),
            count(&tally.accepted),
            count(&tally.live),
        );
        let mut times = std::mem::take(&mut *tally.queries.lock().await);
        times.sort_unstable();
        let at = |share: f64| {
            let place = (times.len() as f64 * share) as usize;
            times
                .get(place)
                .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        let (own, resident) = (status(process, "RssAnon:"), status(process, "VmRSS:"));
        memory.push(own);
        let each = |now: u64, before: u64| (now - before) / EVERY.as_secs();
        println!(
            "{:>7}  {:>6}  {:>10}  {:>7}  {:>6}  {:>12.2}  {:>6.2}  {:>6}  {:>7.1}  {:>12.1}",
            begun.elapsed().as_secs(),
            each(now.0, before.0),
            each(now.1, before.1),
            count(&tally.refused),
            each(now.2, before.2),
            at(0.5),
            at(0.99),
            count(&tally.closed),
            own as f64 / 1024.0,
            resident as f64 / 1024.0,
        );
        before = now;
    }
    memory
}

/// A line of the process's status, in KiB.
fn status(process: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
