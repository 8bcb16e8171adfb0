//! Subscriptions through a sieve.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // outside of test functions, too

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use stentor_event::EventView;
use stentor_peer::{Config, Dropped, Incoming, Over, Sieve, Sifted};

use common::{connect, connect_with, note, notes, relay, value};

/// Lets through what says "new", and takes so many events.
struct Known {
    most: usize,
    seen: Mutex<Vec<String>>,
}

impl Known {
    fn new(most: usize) -> Arc<Self> {
        let seen = Mutex::default();
        Arc::new(Self { most, seen })
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Sieve for Known {
    fn sift(&self, event: &EventView<'_>) -> Sifted {
        let mut seen = self.seen.lock().unwrap();
        if seen.len() >= self.most {
            return Sifted::TooMany;
        }
        let content = String::from_utf8(event.content().into_owned()).unwrap();
        let wanted = content.contains("new");
        seen.push(content);
        if wanted { Sifted::Wanted } else { Sifted::Seen }
    }
}

#[tokio::test]
async fn a_sieve_sees_what_passes_the_checks_in_order_and_keeps_back_what_is_known() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        for content in ["a", "new 1", "b", "c", "new 2", "d"] {
            conn.send(json!(["EVENT", sub, value(&note(content))]))
                .await;
        }
        let mut forged = value(&note("new and forged"));
        forged["sig"] = value(&note("else"))["sig"].clone();
        conn.send(json!(["EVENT", sub, forged])).await;
        conn.send(json!(["EOSE", sub])).await;
        conn.linger().await;
    })
    .await;
    let (peer, sieve) = (connect(&url).await, Known::new(10));
    let mut subscription = peer.req_through(notes(), sieve.clone()).await.unwrap();
    for expected in ["new 1", "new 2"] {
        let next = subscription.next().await;
        assert_eq!(next, Some(Incoming::Event(note(expected))));
    }
    assert_eq!(subscription.next().await, Some(Incoming::Eose(None)));
    assert_eq!(sieve.seen(), ["a", "new 1", "b", "c", "new 2", "d"]);
    assert_eq!(peer.drops().of(Dropped::Signature), 1);
}

#[tokio::test]
async fn a_sieve_that_has_had_enough_ends_the_subscription() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        for _ in 0..4 {
            conn.send(json!(["EVENT", sub, value(&note("a"))])).await;
        }
        assert_eq!(conn.expect("CLOSE").await, sub);
        let next = conn.expect("REQ").await;
        conn.send(json!(["EOSE", next])).await;
        conn.linger().await;
    })
    .await;
    let (peer, sieve) = (connect(&url).await, Known::new(3));
    let mut subscription = peer.req_through(notes(), sieve.clone()).await.unwrap();
    let over = subscription.next().await;
    assert_eq!(over, Some(Incoming::Over(Over::TooMany)));
    assert_eq!((subscription.next().await, sieve.seen().len()), (None, 3));
    let mut next = peer.req(notes()).await.unwrap();
    assert_eq!(next.next().await, Some(Incoming::Eose(None)));
}

#[tokio::test]
async fn a_relay_that_sends_what_is_known_is_not_silent() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        for _ in 0..4 {
            // Together longer than a relay may be silent.
            tokio::time::sleep(Duration::from_millis(400)).await;
            conn.send(json!(["EVENT", sub, value(&note("a"))])).await;
        }
        conn.expect("CLOSE").await;
        conn.linger().await;
    })
    .await;
    let config = Config {
        answer_seconds: 1,
        ..Config::default()
    };
    let (peer, sieve) = (connect_with(&url, config).await, Known::new(10));
    let mut subscription = peer.req_through(notes(), sieve.clone()).await.unwrap();
    let over = subscription.next().await;
    assert_eq!(over, Some(Incoming::Over(Over::Silent)));
    assert_eq!(sieve.seen().len(), 4);
}
