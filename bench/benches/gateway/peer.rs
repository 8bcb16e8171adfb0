//! Another server of event streams under the same load, by the same client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::node::{memory, work};
use super::{OPENING, REST, open_at, read, spread};

/// Bytes of an envelope of ours with such an event, about.
const ENVELOPE: usize = 960;

/// See the head of the benchmark.
pub async fn measure(what: &str, address: &str, numbers: &[u64]) {
    let (pid, numbers) = numbers.split_last().expect("the peer's process");
    let pid = u32::try_from(*pid).unwrap();
    let number = |place: usize, otherwise: u64| numbers.get(place).copied().unwrap_or(otherwise);
    match what {
        "idle" => idle(address, pid, number(0, 10_000)).await,
        "live" => {
            live(
                address,
                pid,
                number(0, 1_000),
                (number(1, 50), number(2, 30)),
            )
            .await
        }
        _ => panic!("peer-idle or peer-live"),
    }
}

async fn open_many(address: &str, streams: u64) -> Vec<TcpStream> {
    let request = "GET /sub HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    let opened = futures_util::stream::iter(0..streams);
    let opened = opened.map(|_| open_at(address, request, b"\r\n\r\n"));
    opened.buffer_unordered(OPENING).collect().await
}

async fn idle(address: &str, pid: u32, streams: u64) {
    let before = memory(pid);
    let opened = open_many(address, streams).await;
    sleep(REST).await;
    let after = memory(pid);
    println!(
        "{} idle streams: {:.1} MiB with them, {:.1} MiB without; {:.2} KiB each",
        opened.len(),
        after as f64 / 1_024.0,
        before as f64 / 1_024.0,
        after.saturating_sub(before) as f64 / streams as f64,
    );
}

async fn live(address: &str, pid: u32, streams: u64, (rate, seconds): (u64, u64)) {
    let begun = Instant::now();
    let (delays, mut gathered) = mpsc::unbounded_channel();
    let counted = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for socket in open_many(address, streams).await {
        clients.spawn(read(socket, begun, delays.clone(), Arc::clone(&counted)));
    }
    drop(delays);
    let worked = work(pid);
    publish(address, begun, rate, seconds).await;
    let due = rate * seconds * streams;
    let waited = Instant::now();
    while counted.load(Ordering::Relaxed) < due && waited.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(20)).await;
    }
    let worked = work(pid) - worked;
    clients.shutdown().await;
    let mut all: Vec<u32> = Vec::new();
    while let Some(some) = gathered.recv().await {
        all.extend::<Vec<u32>>(some);
    }
    println!(
        "{streams} streams, {rate} messages a second for {seconds} s: {} of {due}; ms from posting to reading {}; {:.0} % of a core",
        all.len(),
        spread(all),
        worked.as_secs_f64() / seconds as f64 * 100.0,
    );
}

/// Posts so many messages a second, over one connection.
async fn publish(address: &str, begun: Instant, rate: u64, seconds: u64) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut answer = vec![0; 4 << 10];
    for _ in 0..rate * seconds {
        ticks.tick().await;
        let head = format!("{{\"content\":\"sent {} ", begun.elapsed().as_micros());
        let body = format!("{head}{}\"}}", "x".repeat(ENVELOPE - head.len()));
        let request = format!(
            "POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let read = socket.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 2"));
    }
}
