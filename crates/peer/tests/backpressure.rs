//! A slow consumer slows the relay down and costs no memory beyond its queue.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // outside of test functions, too

mod common;

use common::{connect_with, note, notes, relay, value};
use serde_json::json;
use stentor_peer::{Config, Incoming, Over};
use tokio::sync::mpsc;

/// A relay that sends so many notes of this size to every REQ, then EOSE; and that reports each CLOSE.
async fn flood(count: usize, size: usize) -> (String, mpsc::Receiver<()>) {
    let (seen, closed) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            while let Some(message) = conn.next().await {
                if message[0] == "CLOSE" {
                    seen.send(()).await.unwrap();
                    continue;
                }
                for number in 0..count {
                    let content = format!("{number} {}", "x".repeat(size));
                    conn.send(json!(["EVENT", message[1], value(&note(&content))]))
                        .await;
                }
                conn.send(json!(["EOSE", message[1]])).await;
            }
        }
    })
    .await;
    (url, closed)
}

/// How many events a consumer finds that takes nothing until it is too late.
async fn found_after_a_stall(config: Config) -> usize {
    let (url, mut closed) = flood(50, 300).await;
    let peer = connect_with(&url, config).await;
    let mut subscription = peer.req(notes()).await.unwrap();
    // The connection tells the relay when it has given the consumer up.
    closed.recv().await.unwrap();
    let mut found = 0;
    loop {
        match subscription.next().await.unwrap() {
            Incoming::Event(_) => found += 1,
            Incoming::Over(over) => {
                assert_eq!(over, Over::Stalled);
                assert_eq!(peer.ended(), None);
                return found;
            }
            Incoming::Eose(_) => panic!("EOSE without the events before it"),
        }
    }
}

#[tokio::test]
async fn a_consumer_that_takes_nothing_loses_its_subscription_and_finds_a_full_queue() {
    let config = Config {
        queue_events: 7,
        stall_seconds: 1,
        ..Config::default()
    };
    assert_eq!(found_after_a_stall(config).await, 7);
}

#[tokio::test]
async fn the_queue_is_limited_by_bytes_as_well() {
    // One event is some 620 bytes; three do not fit.
    let config = Config {
        queue_bytes: 1_300,
        stall_seconds: 1,
        ..Config::default()
    };
    assert_eq!(found_after_a_stall(config).await, 2);
    // One always fits.
    let (url, _closed) = flood(3, 3_000).await;
    let config = Config {
        queue_bytes: 1_024,
        ..Config::default()
    };
    let mut subscription = connect_with(&url, config).await.req(notes()).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(
            subscription.next().await,
            Some(Incoming::Event(_))
        ));
    }
}

#[tokio::test]
async fn a_slow_consumer_gets_everything_in_order() {
    let (url, _closed) = flood(500, 100).await;
    let config = Config {
        queue_events: 1,
        ..Config::default()
    };
    let mut subscription = connect_with(&url, config).await.req(notes()).await.unwrap();
    for number in 0..500 {
        tokio::task::yield_now().await;
        let Some(Incoming::Event(event)) = subscription.next().await else {
            panic!("event {number} is missing");
        };
        let content = event.view().content().into_owned();
        assert!(content.starts_with(format!("{number} ").as_bytes()));
    }
    assert_eq!(subscription.next().await, Some(Incoming::Eose(None)));
}

#[tokio::test]
async fn a_subscription_that_is_dropped_while_full_frees_the_connection() {
    let (url, mut closed) = flood(50, 100).await;
    let config = Config {
        queue_events: 1,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let mut full = peer.req(notes()).await.unwrap();
    full.next().await.unwrap();
    drop(full);
    closed.recv().await.unwrap();
    let mut next = peer.req(notes()).await.unwrap();
    assert!(matches!(next.next().await, Some(Incoming::Event(_))));
    assert_eq!(peer.drops().faults(), 0);
}
