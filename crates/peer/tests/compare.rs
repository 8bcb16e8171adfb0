//! Comparing sets with relays that reconcile, and with relays that do not (NIP-77).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // outside of test functions, too

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Conn, connect_signed, connect_with, filter, ok, relay};
use serde_json::{Value, json};
use stentor_event::{EventId, Timestamp};
use stentor_net::retry::Backoff;
use stentor_peer::{Compare, Compared, Config, Ended, Peer, PeerError, compare};
use stentor_store::reconcile::{Session, Snapshot, SnapshotBuilder};

/// Events with these numbers, each of a second of its own.
fn set(numbers: impl Iterator<Item = u64>) -> Snapshot {
    let mut builder = SnapshotBuilder::default();
    for number in numbers {
        builder.push(Timestamp(10_000 - number), id(number));
    }
    builder.finish()
}

fn id(number: u64) -> EventId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    EventId(id)
}

fn limits() -> Compare {
    Compare {
        frame_bytes: 4_096,
        differences: 100_000,
        patience: Backoff::new(Duration::from_millis(1), Duration::from_millis(2)),
        tries: 2,
    }
}

/// Compares the first hundred numbers; what comes of it, and the messages that it took.
async fn compared(
    peer: &Peer,
    limits: &Compare,
    proven: bool,
) -> (Result<Compared, PeerError>, u32) {
    let (filter, mut messages) = (filter("{}").remove(0), 0);
    let count = || messages += 1;
    let compared = compare(peer, &filter, set(0..100), limits, proven, count).await;
    (compared, messages)
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Answers over its own set until nothing more comes.
async fn reconcile(conn: &mut Conn, own: &Session) {
    while let Some(message) = conn.next().await {
        let asked = match message[0].as_str().unwrap() {
            "NEG-OPEN" => bytes(&message[3]),
            "NEG-MSG" => bytes(&message[2]),
            _ => continue,
        };
        let answer = own.answer(&asked).unwrap();
        let hex: String = answer.iter().map(|byte| format!("{byte:02x}")).collect();
        conn.send(json!(["NEG-MSG", message[1], hex])).await;
    }
}

/// A relay that has every third number up to this one.
async fn thirds(up_to: u64) -> String {
    relay(move |mut conn| async move {
        let own = Session::new(set((0..up_to).step_by(3)), 4_096).unwrap();
        reconcile(&mut conn, &own).await;
    })
    .await
}

async fn connect(url: &str) -> Peer {
    let config = Config {
        answer_seconds: 1,
        ..Config::default()
    };
    connect_with(url, config).await
}

#[tokio::test]
async fn o3_1_all_differences_are_learnt() {
    let peer = connect(&thirds(120).await).await;
    let (compared, messages) = compared(&peer, &limits(), false).await;
    let Ok(Compared::All(mut found)) = compared else {
        panic!("{compared:?}");
    };
    for ids in [&mut found.ours, &mut found.theirs] {
        ids.sort_unstable();
        ids.dedup();
    }
    let ours: Vec<EventId> = (0..100).filter(|n| n % 3 != 0).map(id).collect();
    let theirs: Vec<EventId> = (100..120).filter(|n| n % 3 == 0).map(id).collect();
    assert_eq!((found.ours, found.theirs), (ours, theirs));
    assert!(messages > 0);
}

#[tokio::test]
async fn o3_1_no_more_differences_are_kept_than_are_wanted() {
    let peer = connect(&thirds(30_000).await).await;
    let few = Compare {
        differences: 200,
        ..limits()
    };
    let (compared, messages) = compared(&peer, &few, false).await;
    let Ok(Compared::Some(found)) = compared else {
        panic!("{compared:?}");
    };
    // What one answer tells is taken as a whole.
    assert!((200..2_000).contains(&found.len()), "{}", found.len());
    assert!(messages < 20);
}

/// A relay that answers each NEG-OPEN with the next of these reasons, and with the last from then on.
async fn refusing(reasons: &'static [&'static str]) -> String {
    relay(move |mut conn| async move {
        let mut left = reasons.iter().peekable();
        while let Some(message) = conn.next().await {
            if message[0] == "NEG-OPEN" {
                let reason = left.next().unwrap_or(reasons.last().unwrap());
                conn.send(json!(["NEG-ERR", message[1], reason])).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn o3_1_refusals_are_told_apart() {
    for (reasons, expected, tries) in [
        (&["blocked: too many"][..], "TooLarge", 1),
        (&["error: negentropy disabled"], "Unsupported", 1),
        (
            &["restricted: members only"],
            "Refused(\"restricted: members only\")",
            1,
        ),
        // Asked again as often as allowed.
        (&["rate-limited: x"], "Refused(\"rate-limited: x\")", 3),
        (&["rate-limited: x", "blocked: y"], "TooLarge", 2),
    ] {
        let peer = connect(&refusing(reasons).await).await;
        let (compared, messages) = compared(&peer, &limits(), false).await;
        assert_eq!(format!("{:?}", compared.unwrap()), expected);
        assert_eq!(messages, tries, "{reasons:?}");
    }
}

#[tokio::test]
async fn o3_1_who_wants_to_know_who_we_are_is_told_once() {
    let url = relay(|mut conn| async move {
        conn.send(json!(["AUTH", "challenge"])).await;
        for _ in 0..2 {
            let sub = conn.expect("NEG-OPEN").await;
            conn.send(json!(["NEG-ERR", sub, "auth-required: who?"]))
                .await;
            if let Some(message) = conn.next().await
                && message[0] == "AUTH"
            {
                conn.send(ok(&message[1], true, "")).await;
            }
        }
        conn.linger().await;
    })
    .await;
    let peer = connect_signed(&url, Config::default()).await;
    let (compared, messages) = compared(&peer, &limits(), false).await;
    assert!(matches!(compared, Ok(Compared::Refused(reason)) if reason == "auth-required: who?"));
    assert_eq!(messages, 2);
    assert!(peer.challenged());
}

#[tokio::test]
async fn o3_1_silence_and_notices_mean_something_only_where_it_has_never_worked() {
    let silent = relay(|mut conn| async move { conn.linger().await }).await;
    let notices = relay(|mut conn| async move {
        conn.expect("NEG-OPEN").await;
        conn.send(json!(["NOTICE", "welcome"])).await;
        conn.send(json!(["NOTICE", "ERROR: bad msg: unknown cmd"]))
            .await;
        conn.linger().await;
    })
    .await;
    let garbage = relay(|mut conn| async move {
        let sub = conn.expect("NEG-OPEN").await;
        conn.send(json!(["NEG-MSG", sub, "6fff"])).await;
        conn.linger().await;
    })
    .await;
    for url in [&silent, &notices, &garbage] {
        let (compared, _) = compared(&connect(url).await, &limits(), false).await;
        assert!(
            matches!(compared, Ok(Compared::Unsupported)),
            "{compared:?}"
        );
    }
    for url in [&silent, &notices] {
        let (compared, _) = compared(&connect(url).await, &limits(), true).await;
        assert!(matches!(compared, Err(PeerError::Timeout)), "{compared:?}");
    }
    let (compared, _) = compared(&connect(&garbage).await, &limits(), true).await;
    assert!(
        matches!(compared, Err(PeerError::Protocol(_))),
        "{compared:?}"
    );
}

#[tokio::test]
async fn o3_1_what_is_known_when_the_relay_ends_a_session_is_kept() {
    let own = Arc::new(Session::new(set((0..30_000).step_by(3)), 4_096).unwrap());
    let script = move |reason: &'static str| {
        let own = own.clone();
        relay(move |mut conn| {
            let own = own.clone();
            async move {
                let message = conn.next().await.unwrap();
                let mut asked = bytes(&message[3]);
                // Ends it at the third message.
                for _ in 0..2 {
                    let answer = own.answer(&asked).unwrap();
                    let hex: String = answer.iter().map(|byte| format!("{byte:02x}")).collect();
                    conn.send(json!(["NEG-MSG", message[1], hex])).await;
                    asked = bytes(&conn.next().await.unwrap()[2]);
                }
                conn.send(json!(["NEG-ERR", message[1], reason])).await;
                conn.linger().await;
            }
        })
    };
    let peer = connect(&script("closed: took too long").await).await;
    let (compared, messages) = compared(&peer, &limits(), true).await;
    match compared {
        Ok(Compared::Some(found)) => assert!(!found.is_empty()),
        other => panic!("{other:?}"),
    }
    assert_eq!(messages, 3);
}

#[tokio::test]
async fn o3_1_the_end_of_a_connection_is_waited_for() {
    let url = relay(|mut conn| async move {
        conn.expect("NEG-OPEN").await;
        let _ = conn.0.close(None).await;
    })
    .await;
    let peer = connect(&url).await;
    assert!(!peer.challenged());
    let watching = {
        let peer = peer.clone();
        tokio::spawn(async move { peer.over().await })
    };
    let (compared, _) = compared(&peer, &limits(), false).await;
    assert!(matches!(compared, Err(PeerError::Ended(_))), "{compared:?}");
    assert!(matches!(watching.await.unwrap(), Ended::Remote(..)));
    assert!(matches!(peer.over().await, Ended::Remote(..)));
}
