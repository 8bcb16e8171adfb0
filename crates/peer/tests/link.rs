//! Connections that come back, and information documents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // outside of test functions, too

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{dialer, note, ok, raw, relay};
use stentor_net::dial::Trust;
use stentor_net::http::StatusCode;
use stentor_net::retry::Breakers;
use stentor_peer::{Config, Information, InformationError, Link, LinkTimes, fetch_information};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

const SHORT: LinkTimes = LinkTimes {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(20),
    stable: Duration::from_secs(60),
};

fn link(url: &str) -> Link {
    Link::new(dialer(), url, Trust::Operator, Config::default(), &SHORT)
}

#[tokio::test]
async fn a_lost_connection_comes_back_when_it_is_asked_for() {
    let url = relay(|mut conn| async move {
        let event = conn.expect("EVENT").await;
        conn.send(ok(&event, true, "")).await;
        // One event, and it is gone.
    })
    .await;
    let mut link = link(&url);
    for round in 0..4 {
        let peer = link.peer(|error, _| panic!("{error}")).await.unwrap();
        assert_eq!(link.failures(), round);
        assert!(peer.publish(&note("a")).await.unwrap().accepted);
        // Asked again while it lives, it is the same connection; and it ends by itself.
        while peer.ended().is_none() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_tried_again() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = visits.clone();
    let url = raw(move |stream| {
        let visit = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if visit >= 3
                && let Ok(socket) = tokio_tungstenite::accept_async(stream).await
            {
                common::Conn(socket).linger().await;
            }
        }
    })
    .await;
    let mut link = link(&url);
    let mut waits = Vec::new();
    let peer = link.peer(|_, wait| waits.push(wait)).await.unwrap();
    assert_eq!(peer.ended(), None);
    assert_eq!((waits.len(), visits.load(Ordering::SeqCst)), (3, 4));
    assert!(waits.iter().all(|wait| *wait <= SHORT.longest));
}

#[tokio::test]
async fn links_to_one_host_share_a_breaker() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = visits.clone();
    let url = raw(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    let breakers = Arc::new(Breakers::new(16));
    let start = Instant::now();
    // Both fail until the breaker is open; then neither visits any more.
    let mut links: Vec<_> = (0..2)
        .map(|_| link(&url).with_breakers(breakers.clone(), start))
        .collect();
    let [first, second] = links.as_mut_slice() else {
        unreachable!()
    };
    let both = async { tokio::join!(first.peer(|_, _| {}), second.peer(|_, _| {})) };
    let waited = tokio::time::timeout(Duration::from_secs(2), both).await;
    assert!(waited.is_err());
    let visits = visits.load(Ordering::SeqCst);
    assert!((5..=6).contains(&visits), "{visits}");
}

#[tokio::test]
async fn g5_4_a_refusal_is_final() {
    let mut link = Link::new(
        dialer(),
        "ws://127.0.0.1:7447",
        Trust::Stranger,
        Config::default(),
        &SHORT,
    );
    let refused = link.peer(|error, _| panic!("{error}")).await.err().unwrap();
    assert!(refused.is_permanent(), "{refused}");
}

/// Asks a server that answers with this.
async fn information(answer: String) -> Result<Information, InformationError> {
    let url = raw(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let request = String::from_utf8(request).unwrap().to_lowercase();
            assert!(request.starts_with("get /path http/1.1\r\n"), "{request}");
            assert!(
                request.contains("\r\naccept: application/nostr+json\r\n"),
                "{request}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    fetch_information(&dialer(), &format!("{url}/path"), Trust::Operator).await
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn r1_14_information_is_read_leniently_and_in_limits() {
    let body = r#"{"name":"x","supported_nips":[1,"11"],"fees":{"a":1}}"#;
    let read = information(answer(body)).await.unwrap();
    assert_eq!(read.document.name.as_deref(), Some("x"));
    assert_eq!(read.document.supported_nips, [1, 11]);
    assert_eq!(read.raw["fees"]["a"], 1);

    for nonsense in ["", "<html>", "[]", "5", &"[".repeat(100_000)] {
        let refused = information(answer(nonsense)).await;
        assert!(
            matches!(refused, Err(InformationError::Document)),
            "{refused:?}"
        );
    }
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(300_000));
    assert!(matches!(
        information(answer(&large)).await,
        Err(InformationError::Http(_))
    ));
    let redirect = "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
    let refused = information(redirect.into()).await;
    assert!(matches!(
        refused,
        Err(InformationError::Status(StatusCode::MOVED_PERMANENTLY))
    ));
    let stranger = fetch_information(&dialer(), "ws://127.0.0.1/", Trust::Stranger).await;
    assert!(matches!(stranger, Err(InformationError::Http(error)) if error.is_permanent()));
}
