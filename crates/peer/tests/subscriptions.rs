//! Subscriptions with relays that behave, and with relays that do not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // outside of test functions, too

mod common;

use common::{Conn, connect, connect_with, filter, note, notes, relay, value};
use serde_json::json;
use stentor_event::{EoseHint, Event};
use stentor_peer::{Config, Dropped, Ended, Incoming, Over, PeerError, Subscription};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Everything that comes up to the end, which must be an [`Over`].
async fn all(mut subscription: Subscription) -> (Vec<Event>, Over) {
    let mut events = Vec::new();
    loop {
        match subscription.next().await.unwrap() {
            Incoming::Event(event) => events.push(event),
            Incoming::Eose(_) => {}
            Incoming::Over(over) => {
                assert_eq!(subscription.next().await, None);
                return (events, over);
            }
        }
    }
}

#[tokio::test]
async fn stored_events_then_eose_then_new_ones_and_close_when_dropped() {
    let (seen, mut closed) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            let message = conn.next().await.unwrap();
            assert_eq!(message, json!(["REQ", message[1], {"kinds": [1]}]));
            let sub = &message[1];
            conn.send(json!(["EVENT", sub, value(&note("a"))])).await;
            conn.send(json!(["EOSE", sub, ["finish"]])).await;
            conn.send(json!(["EVENT", sub, value(&note("b")), "more"]))
                .await;
            assert_eq!(conn.expect("CLOSE").await, *sub);
            seen.send(()).await.unwrap();
            conn.linger().await;
        }
    })
    .await;
    let peer = connect(&url).await;
    let mut subscription = peer.req(notes()).await.unwrap();
    let mut next = async || subscription.next().await.unwrap();
    assert_eq!(next().await, Incoming::Event(note("a")));
    assert_eq!(next().await, Incoming::Eose(Some(EoseHint::Finish)));
    assert_eq!(next().await, Incoming::Event(note("b")));
    drop(subscription);
    closed.recv().await.unwrap();
    assert_eq!(peer.ended(), None);
}

#[tokio::test]
async fn what_was_not_asked_for_or_is_forged_is_dropped_and_counted() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        let good = value(&note("good"));
        let mut wrong_id = good.clone();
        wrong_id["content"] = "other".into();
        let mut forged = good.clone();
        forged["sig"] = value(&note("else"))["sig"].clone();
        let mut no_event = good.clone();
        no_event["kind"] = "1".into();
        let reaction =
            stentor_event::EventBuilder::new(stentor_event::Kind(7), stentor_event::Timestamp(5))
                .sign(&common::key());
        for message in [
            json!(["EVENT", "other", good]),
            json!(["EVENT", "17", good]),
            json!(["EVENT", sub, wrong_id]),
            json!(["EVENT", sub, forged]),
            json!(["EVENT", sub, value(&reaction)]),
            json!(["EVENT", sub, no_event]),
            json!(["EVENT", sub]),
            json!({"not": "a message"}),
            json!(["COUNT", sub, {"count": 5}]),
            json!(["NEG-MSG", sub, "61"]),
            json!(["SOMETHING", "new"]),
            json!(["OK", good["id"], true, "nobody waits for this"]),
            json!(["EVENT", sub, good]),
        ] {
            conn.send(message).await;
        }
        conn.send_binary().await;
        conn.send(json!(["EOSE", sub])).await;
        conn.linger().await;
    })
    .await;
    let peer = connect(&url).await;
    let mut subscription = peer.req(notes()).await.unwrap();
    assert_eq!(
        subscription.next().await,
        Some(Incoming::Event(note("good")))
    );
    assert_eq!(subscription.next().await, Some(Incoming::Eose(None)));
    let drops = peer.drops();
    let counts = [
        (Dropped::Unasked, 4),
        (Dropped::Id, 1),
        (Dropped::Signature, 1),
        (Dropped::Filter, 1),
        (Dropped::Malformed, 4),
        (Dropped::Late, 1),
    ];
    for (reason, count) in counts {
        assert_eq!(drops.of(reason), count, "{reason:?}");
    }
}

#[tokio::test]
async fn signatures_are_left_to_others_only_when_configured() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        let mut forged = value(&note("forged"));
        forged["sig"] = value(&note("else"))["sig"].clone();
        conn.send(json!(["EVENT", sub, forged])).await;
        conn.send(json!(["EOSE", sub])).await;
        conn.linger().await;
    })
    .await;
    let config = Config {
        verify: false,
        ..Config::default()
    };
    let mut trusting = connect_with(&url, config).await.req(notes()).await.unwrap();
    assert!(matches!(trusting.next().await, Some(Incoming::Event(_))));
    let mut verifying = connect(&url).await.req(notes()).await.unwrap();
    assert_eq!(verifying.next().await, Some(Incoming::Eose(None)));
}

#[tokio::test]
async fn a_relay_that_sends_too_much_rubbish_is_left() {
    let url = relay(|mut conn| async move {
        conn.expect("REQ").await;
        while conn
            .try_send(json!(["EVENT", "nobody's", value(&note("a"))]))
            .await
        {}
    })
    .await;
    let config = Config {
        faults: 50,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let (events, over) = all(peer.req(notes()).await.unwrap()).await;
    assert_eq!((events.len(), over), (0, Over::Ended(Ended::Misbehaved)));
    assert_eq!(peer.drops().faults(), 50);
    assert_eq!(peer.ended(), Some(Ended::Misbehaved));
    let again = peer.req(notes()).await.err();
    assert!(matches!(again, Some(PeerError::Ended(Ended::Misbehaved))));
}

#[tokio::test]
async fn what_is_found_out_later_counts_against_the_relay_too() {
    let (seen, mut gone) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            conn.linger().await;
            seen.send(()).await.unwrap();
        }
    })
    .await;
    let config = Config {
        verify: false,
        faults: 3,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    for _ in 0..2 {
        peer.report(Dropped::Signature);
    }
    assert_eq!(peer.ended(), None);
    peer.report(Dropped::Signature);
    assert_eq!(peer.ended(), Some(Ended::Misbehaved));
    gone.recv().await.unwrap();
    let again = peer.req(notes()).await.err();
    assert!(matches!(again, Some(PeerError::Ended(Ended::Misbehaved))));
}

#[tokio::test]
async fn endless_stored_events_are_cut() {
    let (seen, mut closed) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            let sub = conn.expect("REQ").await;
            for number in 0.. {
                let message = json!(["EVENT", sub, value(&note(&number.to_string()))]);
                tokio::select! {
                    message = conn.next() => {
                        seen.send(message.unwrap()).await.unwrap();
                        break;
                    }
                    () = tokio::task::yield_now() => {}
                }
                conn.send(message).await;
            }
            conn.linger().await;
        }
    })
    .await;
    let config = Config {
        stored_events: 100,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let (events, over) = all(peer.req(notes()).await.unwrap()).await;
    assert_eq!((events.len(), over), (100, Over::TooMany));
    assert_eq!(closed.recv().await.unwrap()[0], "CLOSE");
    assert_eq!(peer.ended(), None);
    assert_eq!(peer.drops().faults(), 0, "what was on its way is no fault");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    use futures_util::SinkExt;
    let whole = relay(|mut conn| async move {
        conn.expect("REQ").await;
        let _ = conn.0.send(Message::text("x".repeat(5_000))).await;
        conn.linger().await;
    })
    .await;
    let in_pieces = relay(|mut conn| async move {
        conn.expect("REQ").await;
        let mut kind = Data::Text;
        loop {
            let frame = Frame::message("x".repeat(500), OpCode::Data(kind), false);
            kind = Data::Continue;
            if conn.0.send(Message::Frame(frame)).await.is_err() {
                break;
            }
        }
    })
    .await;
    for url in [whole, in_pieces] {
        let config = Config {
            message_bytes: 2_000,
            ..Config::default()
        };
        let peer = connect_with(&url, config).await;
        let (_, over) = all(peer.req(notes()).await.unwrap()).await;
        assert_eq!(over, Over::Ended(Ended::TooLong));
    }
}

#[tokio::test]
async fn a_relay_that_never_finishes_is_not_waited_for() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        conn.send(json!(["EVENT", sub, value(&note("a"))])).await;
        assert_eq!(conn.expect("CLOSE").await, sub);
        conn.linger().await;
    })
    .await;
    let config = Config {
        answer_seconds: 1,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let (events, over) = all(peer.req(notes()).await.unwrap()).await;
    assert_eq!((events.len(), over), (1, Over::Silent));
    assert_eq!(peer.ended(), None);
}

#[tokio::test]
async fn a_silent_relay_is_pinged_and_given_up() {
    let url = relay(|conn: Conn| async move {
        // Whoever does not read does not answer pings.
        std::future::pending::<()>().await;
        drop(conn);
    })
    .await;
    let config = Config {
        ping_seconds: 1,
        pong_seconds: 1,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let (_, over) = all(peer.req(notes()).await.unwrap()).await;
    assert_eq!(over, Over::Ended(Ended::Silent));
}

#[tokio::test]
async fn a_quiet_relay_that_answers_pings_is_kept() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        conn.send(json!(["EOSE", sub])).await;
        // Reading answers pings; after the second one, something comes.
        use futures_util::StreamExt;
        for _ in 0..2 {
            assert!(conn.0.next().await.unwrap().unwrap().is_ping());
        }
        conn.send(json!(["EVENT", sub, value(&note("at last"))]))
            .await;
        conn.linger().await;
    })
    .await;
    let config = Config {
        ping_seconds: 1,
        pong_seconds: 1,
        ..Config::default()
    };
    let mut subscription = connect_with(&url, config).await.req(notes()).await.unwrap();
    assert_eq!(subscription.next().await, Some(Incoming::Eose(None)));
    assert_eq!(
        subscription.next().await,
        Some(Incoming::Event(note("at last")))
    );
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_is_told_to_everybody() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        conn.expect("EVENT").await;
        conn.send(json!(["EVENT", sub, value(&note("a"))])).await;
        // Gone, without a word.
    })
    .await;
    let peer = connect(&url).await;
    let subscription = peer.req(notes()).await.unwrap();
    let pending = peer.send(&note("b")).await.unwrap();
    let (events, over) = all(subscription).await;
    assert_eq!(events, [note("a")]);
    assert!(
        matches!(over, Over::Ended(Ended::Broken(_) | Ended::Remote(..))),
        "{over:?}"
    );
    assert!(matches!(pending.answer().await, Err(PeerError::Ended(_))));
    assert!(matches!(
        peer.publish(&note("c")).await,
        Err(PeerError::Ended(_))
    ));
    assert!(matches!(
        peer.count(&notes()).await,
        Err(PeerError::Ended(_))
    ));
}

#[tokio::test]
async fn the_relays_closing_is_passed_on() {
    use tokio_tungstenite::tungstenite::protocol::CloseFrame;
    let url = relay(|mut conn| async move {
        conn.expect("REQ").await;
        let reason = CloseFrame {
            code: 1012.into(),
            reason: "restart".into(),
        };
        let _ = conn.0.close(Some(reason)).await;
    })
    .await;
    let (_, over) = all(connect(&url).await.req(notes()).await.unwrap()).await;
    assert_eq!(
        over,
        Over::Ended(Ended::Remote(Some(1012), "restart".into()))
    );
}

#[tokio::test]
async fn a_subscription_that_the_relay_closes_is_over() {
    let url = relay(|mut conn| async move {
        let sub = conn.expect("REQ").await;
        conn.send(json!(["EVENT", sub, value(&note("a"))])).await;
        conn.send(json!(["CLOSED", sub, "error: shutting down"]))
            .await;
        // There is nothing to close: the next message is another REQ.
        let next = conn.expect("REQ").await;
        assert_ne!(next, sub);
        conn.send(json!(["EOSE", next])).await;
        conn.linger().await;
    })
    .await;
    let peer = connect(&url).await;
    let (events, over) = all(peer.req(notes()).await.unwrap()).await;
    assert_eq!(events, [note("a")]);
    assert_eq!(over, Over::Closed("error: shutting down".into()));
    let mut again = peer.req(filter("{}")).await.unwrap();
    assert_eq!(again.next().await, Some(Incoming::Eose(None)));
}

#[tokio::test]
async fn subscriptions_are_limited_and_a_dropped_one_makes_room() {
    let url = relay(|mut conn| async move { conn.linger().await }).await;
    let config = Config {
        subscriptions: 2,
        ..Config::default()
    };
    let peer = connect_with(&url, config).await;
    let first = peer.req(notes()).await.unwrap();
    let _second = peer.req(notes()).await.unwrap();
    let third = peer.req(notes()).await.err();
    assert!(matches!(third, Some(PeerError::TooManySubscriptions)));
    assert!(matches!(
        peer.count(&notes()).await,
        Err(PeerError::TooManySubscriptions)
    ));
    drop(first);
    peer.req(notes()).await.unwrap();
    assert!(matches!(
        peer.req(vec![]).await.err(),
        Some(PeerError::NoFilters)
    ));
}

#[tokio::test]
async fn the_connection_is_closed_with_its_last_handle() {
    let (seen, mut gone) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            conn.linger().await;
            seen.send(()).await.unwrap();
        }
    })
    .await;
    let peer = connect(&url).await;
    let subscription = peer.req(notes()).await.unwrap();
    drop(peer);
    assert!(gone.try_recv().is_err());
    drop(subscription);
    gone.recv().await.unwrap();

    let (peer, other) = (connect(&url).await, connect(&url).await);
    let kept = peer.clone();
    peer.close().await;
    gone.recv().await.unwrap();
    let (_, over) = match kept.req(notes()).await {
        Ok(subscription) => all(subscription).await,
        Err(PeerError::Ended(ended)) => (vec![], Over::Ended(ended)),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(over, Over::Ended(Ended::Local));
    assert_eq!(other.ended(), None);
}

#[tokio::test]
async fn what_had_come_before_a_subscription_was_closed_can_be_taken() {
    let (seen, mut closed) = mpsc::channel(1);
    let url = relay(move |mut conn| {
        let seen = seen.clone();
        async move {
            let sub = conn.expect("REQ").await;
            for content in ["a", "b"] {
                conn.send(json!(["EVENT", sub, value(&note(content))]))
                    .await;
            }
            conn.send(json!(["EOSE", sub])).await;
            // By the answer to this the client knows that all of that has come.
            let event = conn.expect("EVENT").await;
            conn.send(common::ok(&event, true, "")).await;
            assert_eq!(conn.expect("CLOSE").await, sub);
            // On its way: nobody hears of it, and nobody is blamed.
            conn.send(json!(["EVENT", sub, value(&note("late"))])).await;
            conn.send(json!(["CLOSED", sub, "auth-required: too late"]))
                .await;
            let event = conn.expect("EVENT").await;
            conn.send(common::ok(&event, true, "")).await;
            seen.send(()).await.unwrap();
            assert_eq!(conn.next().await, None, "no second CLOSE");
            seen.send(()).await.unwrap();
        }
    })
    .await;
    let peer = common::connect_signed(&url, Config::default()).await;
    let mut subscription = peer.req(notes()).await.unwrap();
    let first = subscription.next().await;
    assert_eq!(first, Some(Incoming::Event(note("a"))));
    peer.publish(&note("c")).await.unwrap();
    subscription.close();
    peer.publish(&note("d")).await.unwrap();
    closed.recv().await.unwrap();
    let second = subscription.next().await;
    assert_eq!(second, Some(Incoming::Event(note("b"))));
    assert_eq!(subscription.next().await, Some(Incoming::Eose(None)));
    assert_eq!(subscription.next().await, None);
    assert_eq!(subscription.next().await, None);
    assert_eq!(peer.drops().faults(), 0);
    drop(subscription);
    peer.close().await;
    closed.recv().await.unwrap();
    assert_eq!(peer.over().await, Ended::Local);
}
