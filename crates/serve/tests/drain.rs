//! Shutting down without losing what was accepted (R8.3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::client::{Client, text, upgrade_request};
use common::{PATIENCE, start};
use stentor_serve::{DrainReport, EndReason, OutFrame};

#[tokio::test]
async fn r8_3_pending_output_is_written_then_1012() {
    let mut running = start();
    let mut scanning = Client::narrow(running.address).await.upgraded("").await;
    running.opened().await;
    scanning.send(&text("flood 500 10000")).await;
    assert_eq!(scanning.next().await.payload.len(), 10_000);
    let mut listening = Client::connect(running.address).await;
    let (_, outbox) = running.opened().await;
    outbox.push_many((0..100).map(|n| OutFrame::Text(Bytes::from(format!("live {n}")))));
    let drain = running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    for n in 0..100 {
        assert_eq!(listening.next().await.text(), format!("live {n}"));
    }
    assert_eq!(listening.closed().await.0, 1012);
    for _ in 1..500 {
        assert_eq!(scanning.next().await.payload.len(), 10_000);
    }
    assert_eq!(
        scanning.closed().await,
        (1012, "the server restarts".to_owned())
    );
    drop((scanning, listening));
    assert_eq!(
        drained.await.unwrap(),
        DrainReport {
            open: 2,
            aborted: 0
        }
    );
}

#[tokio::test]
async fn r8_3_accepted_work_is_finished_before_the_close() {
    let mut running = start();
    let mut client = Client::connect(running.address).await;
    running.opened().await;
    client.send(&text("busy")).await;
    assert_eq!(client.next().await.text(), "busy");
    let drain = running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    running.drain.reached(stentor_serve::Stage::Draining).await;
    running.release();
    assert_eq!(client.next().await.text(), "released");
    assert_eq!(client.closed().await.0, 1012);
    drop(client);
    assert_eq!(drained.await.unwrap().aborted, 0);
}

#[tokio::test]
async fn r8_3_no_new_connection_and_no_upgrade_while_draining() {
    let mut running = start();
    // Accepted before, upgraded after: by a request that arrives late.
    let mut late = Client::tcp(running.address).await;
    late.send(&upgrade_request("/", "").as_bytes()[..20]).await;
    let mut busy = Client::connect(running.address).await;
    running.opened().await;
    busy.send(&text("busy")).await;
    busy.next().await;
    let drain = running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    running.drain.reached(stentor_serve::Stage::Draining).await;
    late.send(&upgrade_request("/", "").as_bytes()[20..]).await;
    let answer = late.head().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after:"), "{answer}");
    running.release();
    assert_eq!(busy.closed().await.0, 1012);
    drop((busy, late));
    drained.await.unwrap();
    assert!(
        tokio::net::TcpStream::connect(running.address)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn r8_3_the_deadline_cuts_who_does_not_read() {
    let mut running = start();
    let mut client = Client::narrow(running.address).await.upgraded("").await;
    running.opened().await;
    client.send(&text("flood 100000 10000")).await;
    client.next().await;
    let report = running.drain.run(Duration::from_millis(100)).await;
    assert_eq!(
        report,
        DrainReport {
            open: 1,
            aborted: 1
        }
    );
    assert_eq!(running.ended().await, EndReason::Aborted);
}
