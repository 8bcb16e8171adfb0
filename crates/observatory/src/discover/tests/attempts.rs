//! What makes a candidate a relay, and what does not (O1.3).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::{attempts, candidates, seeds};
use super::server::{answer, empty_relay, http, relay, serve};
use super::{config, event, intake, until};
use crate::config::Discover;
use crate::ground::Ground;
use crate::testing::ground;

const UNTRIED: &str =
    "SELECT COUNT(*) FROM observatory_relays WHERE state = 'candidate' AND failures = 0";

/// A ground with these candidates, which have a second to answer.
async fn with(house: &House, urls: &[String]) -> Arc<Ground> {
    let discover = Discover {
        seeds: urls.to_vec(),
        answer_seconds: 1,
        ..Discover::default()
    };
    let ground = ground(house, config(discover)).await;
    let intake = intake(&ground).await;
    seeds::read(&ground, &intake).await.unwrap();
    ground
}

/// Tries candidates until none is left that was not.
async fn try_all(ground: &Arc<Ground>) {
    let intake = intake(ground).await;
    tokio::select! {
        ended = attempts::follow(ground, &intake) => panic!("{ended:?}"),
        () = until(ground, UNTRIED, 0) => {}
    }
}

/// State, evidence, failures and reason of a URL.
async fn state(ground: &Ground, url: &str) -> (String, Option<String>, i64, Option<String>) {
    let sql = "SELECT state, proven_by, failures, reason FROM observatory_relays WHERE url = ?";
    ground.records.fetch_one(sql, (url,)).await.unwrap()
}

async fn o1_3_every_word_of_nostr_promotes(house: House) {
    let filler = ground(&house, config(Discover::default())).await;
    let note: Value = serde_json::from_slice(event(&filler, 5, 1, &[]).json()).unwrap();
    drop(filler);
    let notice = json!(["NOTICE", "hello"]);
    let relays = [
        ("EOSE", relay(None, vec![json!(["EOSE", "SUB"])]).await),
        (
            "EVENT",
            relay(
                None,
                vec![json!(["EVENT", "SUB", note]), json!(["EOSE", "SUB"])],
            )
            .await,
        ),
        (
            "CLOSED",
            relay(None, vec![json!(["CLOSED", "SUB", "auth-required: x"])]).await,
        ),
        ("NOTICE", relay(None, vec![notice]).await),
        ("AUTH", relay(Some(json!(["AUTH", "x"])), vec![]).await),
    ];
    let urls: Vec<String> = relays.iter().map(|(_, url)| url.clone()).collect();
    let house = House::new(house.dialect).await;
    let ground = with(&house, &urls).await;
    let before_ms = ground.clock.now_ms();
    try_all(&ground).await;
    for (word, url) in &relays {
        let expected = ("relay".to_owned(), Some((*word).to_owned()), 0, None);
        assert_eq!(state(&ground, url).await, expected);
    }
    let (proven, next): (i64, i64) = ground
        .records
        .fetch_one(
            "SELECT MIN(proven_ms), MAX(next_ms) FROM observatory_relays",
            (),
        )
        .await
        .unwrap();
    assert!(proven >= i64::try_from(before_ms).unwrap());
    assert!(next <= i64::try_from(ground.clock.now_ms()).unwrap());
    // Whoever checks relays is told.
    assert!(ground.signals.relays.notified().now_or_never().is_some());
}

async fn o1_3_nothing_else_promotes(house: House) {
    let (page, _) = http(|_| answer("200 OK", "Content-Type: text/html\r\n", "<html>")).await;
    let (bad, _) = http(|_| answer("502 Bad Gateway", "", "")).await;
    let (silent, _) = serve(async |mut stream| {
        let mut buffer = [0; 1_024];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let (echo, _) = serve(async |stream| {
        let mut socket = accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            let _ = socket.send(message).await;
        }
    })
    .await;
    let (ssh, _) = serve(async |mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n").await;
    })
    .await;
    let (leaves, _) = serve(async |stream| {
        let mut socket = accept_async(stream).await.unwrap();
        socket.next().await;
        let _ = socket.close(None).await;
    })
    .await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = free.local_addr().unwrap();
    drop(free);
    let forged = json!(["EVENT", "SUB", {"id": "00".repeat(32), "pubkey": "00".repeat(32), "created_at": 1, "kind": 1,
        "tags": [], "content": "", "sig": "00".repeat(64)}]);
    let ws = |address| format!("ws://{address}/");
    let cases = [
        ("http_200", ws(page)),
        ("http_502", ws(bad)),
        ("timeout", ws(silent)),
        ("mute", ws(echo)),
        ("protocol", ws(ssh)),
        ("closed", ws(leaves)),
        ("tcp", ws(closed)),
        ("tls", format!("wss://{ssh}/")),
        ("mute", relay(None, vec![]).await),
        (
            "mute",
            relay(
                None,
                vec![forged, json!(["EOSE", "another"]), json!({"EOSE": "SUB"})],
            )
            .await,
        ),
    ];
    let urls: Vec<String> = cases.iter().map(|(_, url)| url.clone()).collect();
    let ground = with(&house, &urls).await;
    try_all(&ground).await;
    let now_ms = i64::try_from(ground.clock.now_ms()).unwrap();
    for (reason, url) in &cases {
        let expected = ("candidate".to_owned(), None, 1, Some((*reason).to_owned()));
        assert_eq!(state(&ground, url).await, expected, "{url}");
    }
    let (soonest, latest): (i64, i64) = ground
        .records
        .fetch_one(
            "SELECT MIN(next_ms), MAX(next_ms) FROM observatory_relays",
            (),
        )
        .await
        .unwrap();
    assert!(soonest > now_ms + 200_000 && latest <= now_ms + 300_000);
}

async fn o1_3_failures_back_off_and_an_answer_ends_them(house: House) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let ground = with(&house, std::slice::from_ref(&url)).await;
    let again = || async {
        let due = ground
            .records
            .write(|tx| tx.execute("UPDATE observatory_relays SET next_ms = 0", ()));
        due.await.unwrap();
    };
    let intake = intake(&ground).await;
    for (sql, wait_ms) in [
        (
            "SELECT failures FROM observatory_relays WHERE failures = 1",
            300_000,
        ),
        (
            "SELECT failures FROM observatory_relays WHERE failures = 2",
            600_000,
        ),
        (
            "SELECT failures FROM observatory_relays WHERE failures = 3",
            1_200_000,
        ),
    ] {
        let before = ground.clock.now_ms();
        let failed = async {
            for _ in 0..500 {
                if ground
                    .records
                    .fetch_optional::<(i64,)>(sql, ())
                    .await
                    .unwrap()
                    .is_some()
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("{sql}");
        };
        tokio::select! {
            ended = attempts::follow(&ground, &intake) => panic!("{ended:?}"),
            () = failed => {}
        }
        let (next,): (i64,) = ground
            .records
            .fetch_one("SELECT next_ms FROM observatory_relays", ())
            .await
            .unwrap();
        let wait = u64::try_from(next).unwrap() - before;
        assert!(
            (wait_ms * 3 / 4..wait_ms + 20_000).contains(&wait),
            "{wait}"
        );
        again().await;
    }
    // It comes up on its port.
    let address = url
        .trim_start_matches("ws://")
        .trim_end_matches('/')
        .to_owned();
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut socket) = accept_async(stream).await else {
                continue;
            };
            let notice = json!(["NOTICE", "x"]).to_string();
            while let Some(Ok(_)) = socket.next().await {
                let _ = socket.send(notice.clone().into()).await;
            }
        }
    });
    tokio::select! {
        ended = attempts::follow(&ground, &intake) => panic!("{ended:?}"),
        () = until(&ground, "SELECT COUNT(*) FROM observatory_relays WHERE state = 'relay' AND failures = 0", 1) => {}
    }
}

async fn o1_2_what_is_refused_is_never_dialled(house: House) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let urls = [
        format!("ws://localhost:{port}/"),
        format!("ws://0.0.0.0:{port}/"),
        format!("ws://relay.local:{port}/"),
        "ws://127.0.0.1:22/".to_owned(),
        format!("ws://abcdef.onion:{port}/"),
    ];
    let ground = with(&house, &urls).await;
    try_all(&ground).await;
    assert!(listener.accept().now_or_never().is_none());
    for url in &urls {
        let reason = if url.contains("onion") {
            "no_proxy"
        } else {
            "refused"
        };
        let expected = ("candidate".to_owned(), None, 1, Some(reason.to_owned()));
        assert_eq!(state(&ground, url).await, expected);
    }
    // They stay known and are not looked at again, until the configuration may be another.
    let year_ms = ground.clock.now_ms() + 365 * 86_400_000;
    let due = async |now_ms| {
        let mut due = 0;
        for network in crate::relay_url::Network::ALL {
            due += candidates::due(&ground.records, network, now_ms, 9)
                .await
                .unwrap()
                .len();
        }
        due
    };
    assert_eq!(due(year_ms).await, 0);
    candidates::judge_anew(&ground.records, ground.clock.now_ms())
        .await
        .unwrap();
    assert_eq!(due(ground.clock.now_ms()).await, urls.len());
}

async fn o1_3_nobody_is_tried_while_our_own_network_is_down(house: House) {
    let (address, connections) = serve(async |_| {}).await;
    let good = empty_relay().await;
    let ground = with(&house, &[format!("ws://{address}/"), good]).await;
    ground.signals.set_own_network(false);
    let intake = intake(&ground).await;
    let up = async {
        // Long enough for two attempts on loopback, and none is made.
        assert!(
            tokio::time::timeout(Duration::from_millis(300), until(&ground, UNTRIED, 0))
                .await
                .is_err()
        );
        assert_eq!(connections.load(Ordering::Relaxed), 0);
        ground.signals.set_own_network(true);
        until(&ground, UNTRIED, 0).await;
    };
    tokio::select! {
        ended = attempts::follow(&ground, &intake) => panic!("{ended:?}"),
        () = up => {}
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

async fn o1_3_parting_words_are_kept_without_what_cannot_be_stored(house: House) {
    let (address, _) = serve(|stream| async move {
        let Ok(mut socket) = accept_async(stream).await else {
            return;
        };
        let frame = CloseFrame {
            code: CloseCode::Policy,
            reason: "go\0 away\n".into(),
        };
        let _ = socket.close(Some(frame)).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let url = format!("ws://{address}/");
    let ground = with(&house, std::slice::from_ref(&url)).await;
    try_all(&ground).await;
    let sql = "SELECT reason, detail FROM observatory_relays WHERE url = ?";
    let (reason, detail): (String, String) = ground.records.fetch_one(sql, (url,)).await.unwrap();
    assert_eq!(reason, "closed");
    assert!(detail.ends_with("1008 go away)"), "{detail}");
}

both_engines!(
    o1_3_parting_words_are_kept_without_what_cannot_be_stored,
    o1_3_every_word_of_nostr_promotes,
    o1_3_nothing_else_promotes,
    o1_3_failures_back_off_and_an_answer_ends_them,
    o1_2_what_is_refused_is_never_dialled,
    o1_3_nobody_is_tried_while_our_own_network_is_down,
);
