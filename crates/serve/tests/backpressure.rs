//! Slow readers and busy sessions: memory stays bounded, others are served (R8.1).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use common::client::{Client, text};
use common::{start, start_with, websocket};
use stentor_serve::{ConnectionCaps, EndReason, OutFrame, Overflow, PushError};

const MIB: usize = 1 << 20;

#[tokio::test]
async fn r8_1_a_scan_pauses_while_its_client_is_slow() {
    let running = start();
    let mut client = Client::narrow(running.address).await.upgraded("").await;
    client.send(&text("flood 4000 10000")).await;
    // Another connection is served while the first one's client reads nothing.
    let mut other = Client::connect(running.address).await;
    for _ in 0..100 {
        other.send(&text("hello")).await;
        assert_eq!(other.next().await.text(), "echo hello");
    }
    assert!(running.stats.pending.load(Ordering::SeqCst) <= 256 * 1024 + 10_004);
    for _ in 0..4000 {
        assert_eq!(client.next().await.payload.len(), 10_000);
    }
    client.send(&text("still here")).await;
    assert_eq!(client.next().await.text(), "echo still here");
    assert!(running.stats.pending.load(Ordering::SeqCst) <= 256 * 1024 + 10_004);
}

#[tokio::test]
async fn r8_1_a_live_laggard_is_closed_with_a_reason() {
    let mut running = start();
    let mut client = Client::narrow(running.address).await.upgraded("").await;
    let (_, outbox) = running.opened().await;
    let body = Bytes::from(vec![b'1'; 10_000]);
    let prefix: Arc<[u8]> = Arc::from(&b"[\"EVENT\",\"s\","[..]);
    let mut pushed = 0;
    // The client reads nothing until the outbox overflows; the task takes frames in between.
    while outbox
        .push(OutFrame::Event {
            prefix: Arc::clone(&prefix),
            body: body.clone(),
        })
        .is_ok()
    {
        pushed += 1;
        assert!(outbox.pressure().bytes <= 4 * MIB);
        if pushed % 64 == 0 {
            tokio::task::yield_now().await;
        }
        assert!(pushed < 100_000, "never full");
    }
    assert_eq!(
        outbox.push(OutFrame::Text(Bytes::from_static(b"x"))),
        Err(PushError::Closed)
    );
    assert_eq!(outbox.pressure().bytes, 0);
    let (code, reason) = client.closed().await;
    assert_eq!(code, 1008);
    assert!(reason.starts_with("too slow"), "{reason}");
    drop(client);
    assert!(matches!(running.ended().await, EndReason::Server(_)));
}

#[tokio::test]
async fn r8_1_or_drops_by_policy() {
    let config = websocket(|config| {
        config.outbox.overflow = Overflow::Drop;
        config.outbox.frames = 10;
    });
    let mut running = start_with(config, ConnectionCaps::default());
    let mut client = Client::connect(running.address).await;
    let (_, outbox) = running.opened().await;
    let taken = outbox.push_many((0..50).map(|n| OutFrame::Text(Bytes::from(format!("{n}")))));
    assert_eq!((taken, outbox.pressure().dropped), (10, 40));
    for n in 0..10 {
        assert_eq!(client.next().await.text(), n.to_string());
    }
}

#[tokio::test]
async fn r8_1_waiting_for_room_in_the_outbox() {
    let mut running = start();
    let mut client = Client::narrow(running.address).await.upgraded("").await;
    let (_, outbox) = running.opened().await;
    let pusher = tokio::spawn(async move {
        let body = Bytes::from(vec![b'x'; 10_000]);
        for _ in 0..5000 {
            while outbox.try_push(OutFrame::Text(body.clone())).is_err() {
                outbox.writable().await;
            }
        }
    });
    for _ in 0..5000 {
        assert_eq!(client.next().await.payload.len(), 10_000);
    }
    pusher.await.unwrap();
}

#[tokio::test]
async fn r8_1_a_stalled_client_is_cut() {
    let config = websocket(|config| config.write_timeout = Duration::from_millis(100));
    let mut running = start_with(config, ConnectionCaps::default());
    let mut client = Client::narrow(running.address).await.upgraded("").await;
    client.send(&text("flood 10000 10000")).await;
    assert_eq!(running.ended().await, EndReason::Stalled);
    drop(client);
}

#[tokio::test]
async fn input_waits_until_the_session_is_ready() {
    let running = start();
    let mut client = Client::connect(running.address).await;
    let mut stream = text("busy");
    for _ in 0..200 {
        stream.extend(text("hello"));
    }
    client.send(&stream).await;
    assert_eq!(client.next().await.text(), "busy");
    // More than one read's worth, sent while the session is not ready.
    let more: Vec<u8> = (0..500).flat_map(|_| text(&"sink ".repeat(100))).collect();
    client.send(&more).await;
    client.send(&text("end")).await;
    assert_eq!(running.stats.texts.load(Ordering::SeqCst), 1);
    running.release();
    assert_eq!(client.next().await.text(), "released");
    for _ in 0..200 {
        assert_eq!(client.next().await.text(), "echo hello");
    }
    assert_eq!(client.next().await.text(), "echo end");
    assert_eq!(running.stats.too_early.load(Ordering::SeqCst), 0);
}

/// The session becomes ready without any byte coming in after it.
#[tokio::test]
async fn reading_resumes_when_the_session_is_ready_again() {
    let running = start();
    let mut client = Client::connect(running.address).await;
    for _ in 0..20 {
        client.send(&text("busy")).await;
        assert_eq!(client.next().await.text(), "busy");
        running.release();
        assert_eq!(client.next().await.text(), "released");
        client.send(&text("x")).await;
        assert_eq!(client.next().await.text(), "echo x");
    }
}

#[tokio::test]
async fn frames_from_many_threads_arrive_in_each_threads_order() {
    let mut running = start();
    let mut client = Client::connect(running.address).await;
    let (_, outbox) = running.opened().await;
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let outbox = outbox.clone();
            std::thread::spawn(move || {
                for number in 0..200 {
                    outbox
                        .push(OutFrame::Text(Bytes::from(format!("{thread} {number}"))))
                        .unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; 4];
    for _ in 0..800 {
        let frame = client.next().await;
        let (thread, number) = frame.text().split_once(' ').unwrap();
        let thread: usize = thread.parse().unwrap();
        assert_eq!(number.parse::<usize>().unwrap(), next[thread]);
        next[thread] += 1;
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}
