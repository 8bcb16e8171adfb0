//! Publishing, authenticating, counting, reconciling.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // outside of test functions, too

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{
    connect, connect_signed, connect_with, dialer, filter, key, note, notes, ok, raw, relay, value,
};
use serde_json::{Value, json};
use stentor_event::hll::Registers;
use stentor_event::{Event, Kind};
use stentor_net::dial::{DialError, Trust};
use stentor_peer::{
    AuthWhen, Config, Counted, Ended, Incoming, OkAnswer, Over, Peer, PeerError, Signer,
    SignerError,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

fn answer(accepted: bool, reason: &str) -> OkAnswer {
    OkAnswer {
        accepted,
        reason: reason.into(),
    }
}

/// Checks an AUTH event as NIP-42 wants it.
fn check_auth(event: &Value, challenge: &str, url: &str) {
    let event = Event::parse(event.to_string().as_bytes()).unwrap();
    event.check_id().unwrap();
    event.verify_signature().unwrap();
    assert_eq!(
        (event.kind(), event.pubkey()),
        (Kind::AUTH, key().public_key())
    );
    let tag = |name: &[u8]| event.view().tag_value(name).unwrap().to_text().into_owned();
    assert_eq!(
        (tag(b"challenge"), tag(b"relay")),
        (challenge.into(), url.into())
    );
}

#[tokio::test]
async fn events_are_pipelined_and_answered_in_any_order() {
    let url = relay(|mut conn| async move {
        let mut events = Vec::new();
        for _ in 0..3 {
            events.push(conn.expect("EVENT").await);
        }
        conn.send(ok(&events[2], false, "rate-limited: slow down"))
            .await;
        conn.send(ok(&events[0], true, "")).await;
        conn.send(ok(&events[1], true, "duplicate: have it")).await;
        conn.linger().await;
    })
    .await;
    let peer = connect(&url).await;
    let mut pending = Vec::new();
    for content in ["a", "b", "c"] {
        pending.push(peer.send(&note(content)).await.unwrap());
    }
    let mut answers = Vec::new();
    for pending in pending {
        answers.push(pending.answer().await.unwrap());
    }
    assert_eq!(answers[0], answer(true, ""));
    assert_eq!(
        (answers[1].accepted, answers[1].prefix()),
        (true, Some("duplicate"))
    );
    assert_eq!(
        (answers[2].accepted, answers[2].prefix()),
        (false, Some("rate-limited"))
    );
}

#[tokio::test]
async fn no_more_events_are_on_their_way_than_the_window_has() {
    let (release, released) = mpsc::channel(1);
    let released = Arc::new(tokio::sync::Mutex::new(released));
    let url = relay(move |mut conn| {
        let released = released.clone();
        async move {
            let first = conn.expect("EVENT").await;
            conn.expect("EVENT").await;
            released.lock().await.recv().await;
            conn.send(ok(&first, true, "")).await;
            let third = conn.expect("EVENT").await;
            conn.send(ok(&third, true, "")).await;
            conn.linger().await;
        }
    })
    .await;
    let config = Config {
        window: 2,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let first = peer.send(&note("a")).await.unwrap();
    let _second = peer.send(&note("b")).await.unwrap();
    let c = note("c");
    let mut third = std::pin::pin!(peer.publish(&c));
    // Polled again and again, it does not get through.
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut third).is_pending());
        tokio::task::yield_now().await;
    }
    release.send(()).await.unwrap();
    first.answer().await.unwrap();
    assert_eq!(third.await.unwrap(), answer(true, ""));
}

#[tokio::test]
async fn a_relay_that_takes_nothing_is_left() {
    let url = relay(|conn| async move {
        std::future::pending::<()>().await;
        drop(conn);
    })
    .await;
    let config = Config {
        write_seconds: 1,
        window: 1_000,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    // More than the buffers of both sockets hold.
    let mut pending = Vec::new();
    let failed = loop {
        let large = note(&format!("{} {}", pending.len(), "x".repeat(200_000)));
        match peer.send(&large).await {
            Ok(sent) => pending.push(sent),
            Err(error) => break error,
        }
        assert!(pending.len() < 900, "where does all that go?");
    };
    assert!(matches!(failed, PeerError::Ended(Ended::Stuck)), "{failed}");
}

#[tokio::test]
async fn an_event_that_is_not_answered_is_not_waited_for() {
    let url = relay(|mut conn| async move { conn.linger().await }).await;
    let config = Config {
        answer_seconds: 1,
        window: 1,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    assert!(matches!(
        peer.publish(&note("a")).await,
        Err(PeerError::Timeout)
    ));
    // Its place in the window is free again.
    drop(peer.send(&note("b")).await.unwrap());
    assert!(matches!(
        peer.publish(&note("c")).await,
        Err(PeerError::Timeout)
    ));
}

#[tokio::test]
async fn r1_11_what_needs_authentication_is_asked_again_after_it() {
    let (told, urls) = mpsc::channel::<String>(1);
    let urls = Arc::new(tokio::sync::Mutex::new(urls));
    let url = relay(move |mut conn| {
        let urls = urls.clone();
        async move {
            let url = urls.lock().await.recv().await.unwrap();
            conn.send(json!(["AUTH", "chal\"lenge"])).await;
            let sub = conn.expect("REQ").await;
            conn.send(json!(["CLOSED", sub, "auth-required: who are you?"]))
                .await;
            let event = conn.expect("AUTH").await;
            check_auth(&event, "chal\"lenge", &url);
            conn.send(ok(&event, true, "")).await;
            let sub = conn.expect("REQ").await;
            conn.send(json!(["EVENT", sub, value(&note("secret"))]))
                .await;
            conn.send(json!(["EOSE", sub])).await;
            // The next questions say auth-required to the first try; the challenge was answered already.
            let event = conn.expect("EVENT").await;
            conn.send(ok(&event, false, "auth-required: again")).await;
            let event = conn.expect("EVENT").await;
            conn.send(ok(&event, true, "")).await;
            let sub = conn.expect("COUNT").await;
            conn.send(json!(["CLOSED", sub, "auth-required: again"]))
                .await;
            let sub = conn.expect("COUNT").await;
            conn.send(json!(["COUNT", sub, {"count": 1}])).await;
            conn.linger().await;
        }
    })
    .await;
    told.send(url.clone()).await.unwrap();
    let peer = connect_signed(&url, Config::default()).await;
    let mut subscription = peer.req(notes()).await.unwrap();
    assert_eq!(
        subscription.next().await,
        Some(Incoming::Event(note("secret")))
    );
    assert_eq!(subscription.next().await, Some(Incoming::Eose(None)));
    assert_eq!(peer.publish(&note("a")).await.unwrap(), answer(true, ""));
    assert_eq!(peer.count(&notes()).await.unwrap().count, 1);
}

/// A relay that refuses everything until it knows who we are, and never lets anybody in; it reports what it gets.
async fn closed_door() -> (String, mpsc::Receiver<String>) {
    let (seen, verbs) = mpsc::channel(16);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            conn.send(json!(["AUTH", "challenge"])).await;
            while let Some(message) = conn.next().await {
                let verb = message[0].as_str().unwrap();
                let answer = match verb {
                    "EVENT" => ok(&message[1], false, "auth-required: x"),
                    "AUTH" => ok(&message[1], false, "restricted: not you"),
                    _ => json!(["CLOSED", message[1], "auth-required: x"]),
                };
                seen.send(verb.to_owned()).await.unwrap();
                conn.send(answer).await;
            }
        }
    })
    .await;
    (url, verbs)
}

#[tokio::test]
async fn r1_11_nobody_is_told_who_we_are_without_being_allowed_to_know() {
    let (url, mut verbs) = closed_door().await;
    let never = Config {
        auth: AuthWhen::Never,
        ..Config::default()
    };
    for peer in [connect(&url).await, connect_signed(&url, never).await] {
        let mut subscription = peer.req(notes()).await.unwrap();
        let over = Incoming::Over(Over::Closed("auth-required: x".into()));
        assert_eq!(subscription.next().await, Some(over));
        let published = peer.publish(&note("a")).await.unwrap();
        assert_eq!(published, answer(false, "auth-required: x"));
        assert!(matches!(
            peer.count(&notes()).await,
            Err(PeerError::Refused(_))
        ));
        for verb in ["REQ", "EVENT", "COUNT"] {
            assert_eq!(verbs.recv().await.unwrap(), verb);
        }
    }
    assert!(matches!(
        connect(&url).await.authenticate().await,
        Err(PeerError::NoSigner)
    ));
}

#[tokio::test]
async fn r1_11_a_relay_that_does_not_let_us_in_is_not_asked_again() {
    let (url, mut verbs) = closed_door().await;
    let peer = connect_signed(&url, Config::default()).await;
    let mut subscription = peer.req(notes()).await.unwrap();
    let over = Incoming::Over(Over::Closed("auth-required: x".into()));
    assert_eq!(subscription.next().await, Some(over));
    let refused = peer.publish(&note("a")).await;
    assert!(
        matches!(refused, Err(PeerError::AuthRefused(reason)) if reason == "restricted: not you")
    );
    for verb in ["REQ", "AUTH", "EVENT", "AUTH"] {
        assert_eq!(verbs.recv().await.unwrap(), verb);
    }
}

#[tokio::test]
async fn r1_11_challenges_are_answered_at_once_where_configured_but_not_without_end() {
    let (seen, mut count) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            for number in 0..8 {
                conn.send(json!(["AUTH", number.to_string()])).await;
                let event = conn.expect("AUTH").await;
                conn.send(ok(&event, true, "")).await;
            }
            conn.send(json!(["AUTH", "one more"])).await;
            // What comes next is no AUTH.
            let event = conn.expect("EVENT").await;
            conn.send(ok(&event, true, "")).await;
            seen.send(()).await.unwrap();
            conn.linger().await;
        }
    })
    .await;
    let config = Config {
        auth: AuthWhen::Challenged,
        ..Config::default()
    };
    let peer = connect_signed(&url, config).await;
    // Wait until all eight are answered: then one more is refused.
    loop {
        match peer.authenticate().await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => {
                assert!(matches!(error, PeerError::AuthRefused(_)), "{error}");
                break;
            }
        }
    }
    peer.publish(&note("a")).await.unwrap();
    count.recv().await.unwrap();
}

struct Refusing;

#[async_trait]
impl Signer for Refusing {
    async fn sign_auth(&self, _relay: &str, _challenge: &str) -> Result<Event, SignerError> {
        Err(SignerError("not for this relay".into()))
    }
}

#[tokio::test]
async fn r1_11_a_signer_may_refuse() {
    let (url, _verbs) = closed_door().await;
    let signer = Some(Arc::new(Refusing) as Arc<dyn Signer>);
    let config = Config::default();
    let peer = Peer::connect(&dialer(), &url, Trust::Operator, config, signer)
        .await
        .unwrap();
    assert!(matches!(
        peer.authenticate().await,
        Err(PeerError::Signer(_))
    ));
}

#[tokio::test]
async fn r1_9_counts() {
    let registers = Registers([7; 256]);
    let hex = registers.to_hex();
    let url = relay(move |mut conn| {
        let hex = hex.clone();
        async move {
            let message = conn.next().await.unwrap();
            assert_eq!(message, json!(["COUNT", message[1], {"kinds": [1]}]));
            conn.send(json!(["COUNT", message[1], {"count": 5, "approximate": true, "hll": hex}]))
                .await;
            let sub = conn.expect("COUNT").await;
            conn.send(json!(["CLOSED", sub, "unsupported: no counts"]))
                .await;
            conn.linger().await;
        }
    })
    .await;
    let config = Config {
        answer_seconds: 1,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let expected = Counted {
        count: 5,
        approximate: true,
        registers: Some(Box::new(registers)),
    };
    assert_eq!(peer.count(&notes()).await.unwrap(), expected);
    let refused = peer.count(&notes()).await;
    assert!(
        matches!(refused, Err(PeerError::Refused(reason)) if reason == "unsupported: no counts")
    );
    assert!(matches!(
        peer.count(&notes()).await,
        Err(PeerError::Timeout)
    ));
}

#[tokio::test]
async fn nip_77_messages_go_both_ways() {
    let (seen, mut closed) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            let message = conn.next().await.unwrap();
            let sub = &message[1];
            assert_eq!(message, json!(["NEG-OPEN", sub, {"kinds": [1]}, "6100"]));
            conn.send(json!(["NEG-MSG", sub, "61ff"])).await;
            assert_eq!(conn.next().await.unwrap(), json!(["NEG-MSG", sub, "6101"]));
            conn.send(json!(["NEG-MSG", sub, "61"])).await;
            assert_eq!(conn.next().await.unwrap(), json!(["NEG-CLOSE", sub]));
            let sub = conn.expect("NEG-OPEN").await;
            conn.send(json!(["NEG-ERR", sub, "blocked: too many"]))
                .await;
            // There is nothing to close.
            let event = conn.expect("EVENT").await;
            conn.send(ok(&event, true, "")).await;
            seen.send(()).await.unwrap();
            conn.linger().await;
        }
    })
    .await;
    let peer = connect(&url).await;
    let kinds = filter(r#"{"kinds":[1]}"#).remove(0);
    let mut reconciliation = peer.neg_open(&kinds, &[0x61, 0]).await.unwrap();
    assert_eq!(reconciliation.answer().await.unwrap(), [0x61, 0xff]);
    reconciliation.send(&[0x61, 1]).await.unwrap();
    assert_eq!(reconciliation.answer().await.unwrap(), [0x61]);
    drop(reconciliation);
    let mut refused = peer.neg_open(&kinds, &[0x61]).await.unwrap();
    let answer = refused.answer().await;
    assert!(matches!(answer, Err(PeerError::Refused(reason)) if reason == "blocked: too many"));
    drop(refused);
    peer.publish(&note("a")).await.unwrap();
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn nip_77_a_relay_that_talks_without_being_asked_is_not_listened_to() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("NEG-OPEN").await;
        for _ in 0..20 {
            conn.send(json!(["NEG-MSG", sub, "61"])).await;
        }
        let event = conn.expect("EVENT").await;
        conn.send(ok(&event, true, "")).await;
        conn.linger().await;
    })
    .await;
    let peer = connect(&url).await;
    let _kept = peer
        .neg_open(&filter("{}").remove(0), &[0x61])
        .await
        .unwrap();
    peer.publish(&note("a")).await.unwrap();
    assert_eq!(peer.drops().faults(), 18);
}

#[tokio::test]
async fn notices_are_passed_on_shortened() {
    let url = relay(|mut conn| async move {
        conn.expect("EVENT").await;
        conn.send(json!(["NOTICE", "é".repeat(5_000)])).await;
        conn.linger().await;
    })
    .await;
    let peer = connect(&url).await;
    let mut notices = peer.notices();
    let _pending = peer.send(&note("a")).await.unwrap();
    assert_eq!(&*notices.recv().await.unwrap(), "é".repeat(1_000));
}

#[tokio::test]
async fn g5_what_is_no_relay_is_no_connection() {
    let redirect = raw(|mut stream| async move {
        let answer =
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        std::future::pending::<()>().await;
    })
    .await;
    let hangs_up = raw(|_| async {}).await;
    let silent = raw(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let config = || Config {
        handshake_seconds: 1,
        ..Config::default()
    };
    let connect = async |url: &str, trust| {
        let peer = Peer::connect(&dialer(), url, trust, config(), None).await;
        peer.err().unwrap()
    };
    let error = connect(&redirect, Trust::Operator).await;
    assert!(matches!(&error, PeerError::Status(302)), "{error}");
    assert!(matches!(
        connect(&hangs_up, Trust::Operator).await,
        PeerError::Handshake(_)
    ));
    assert!(matches!(
        connect(&silent, Trust::Operator).await,
        PeerError::Timeout
    ));
    let refused = connect(&silent, Trust::Stranger).await;
    assert!(matches!(refused, PeerError::Dial(DialError::Refused(_))) && refused.is_permanent());
    assert!(
        connect("http://127.0.0.1/", Trust::Operator)
            .await
            .is_permanent()
    );
}
