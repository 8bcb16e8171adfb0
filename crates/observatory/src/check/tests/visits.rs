//! What one visit finds.

use serde_json::json;
use stentor_event::{EventBuilder, Kind, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::findings::{Findings, Known, Verdict};
use super::super::policy::Policy;
use super::super::write_test::Written;
use super::server::{Conn, DOCUMENT, NO_DOCUMENT, good, nobody, raw, relay};
use super::{config, ground, ground_with, reason, visit};
use crate::config::WriteTest;

#[tokio::test]
async fn o2_1_a_good_relay_is_measured() {
    let (_house, ground) = ground().await;
    let server = good().await;
    let found = visit(&ground, &server.url).await;
    assert_eq!(found.verdict, Verdict::Online);
    assert!(found.open_ms.is_some() && found.read_ms.is_some());
    assert_eq!(found.address, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(found.server.as_deref(), Some("test/1"));
    assert_eq!(found.information_status, Some(200));
    let Known::Present(information) = &found.information else {
        panic!("{:?}", found.information);
    };
    assert_eq!(information.document.name.as_deref(), Some("small"));
    assert_eq!(found.payment_required(), Some(false));
}

#[tokio::test]
async fn o2_1_what_was_not_tested_is_not_false() {
    let (_house, ground) = ground().await;
    let found = visit(&ground, &good().await.url).await;
    // No TLS, no name, nothing written, no word about reading.
    assert_eq!((&found.tls, &found.names), (&None, &None));
    assert_eq!((found.write_ms, found.written), (None, None));
    assert_eq!(found.auth_required(), None);
    assert_eq!(found.writes_restricted(), None);
    let away = visit(&ground, &nobody().await).await;
    assert_eq!(away.challenged, None);
    assert_eq!(away.information, Known::Unknown);
    assert_eq!((away.open_ms, away.read_ms), (None, None));
}

async fn http(answer: &'static str) -> String {
    let server = raw(move |mut stream, _| async move {
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    server.url
}

#[tokio::test]
async fn o2_3_an_offline_verdict_says_why() {
    let (_house, ground) = ground().await;
    let page = http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let busy = http("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    let other = http("SSH-2.0-OpenSSH\r\n").await;
    let silent = raw(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let mute = relay(NO_DOCUMENT, |mut conn: Conn| async move {
        while conn.next().await.is_some() {}
    });
    let hangs_up = relay(NO_DOCUMENT, |mut conn: Conn| async move {
        conn.next().await;
    });
    for (url, expected) in [
        (page, "http_200"),
        (busy, "http_503"),
        (other, "protocol"),
        (silent.await.url, "timeout"),
        (mute.await.url, "mute"),
        (hangs_up.await.url, "protocol"),
        (nobody().await, "tcp"),
        ("ws://10.0.0.1/".to_owned(), "refused"),
        ("ws://relay.internal/".to_owned(), "refused"),
    ] {
        let found = visit(&ground, &url).await;
        assert_eq!(reason(&found), expected, "{url}");
        assert_eq!(found.information, Known::Unknown);
    }
}

#[tokio::test]
async fn o2_3_without_a_proxy_nothing_is_said_of_a_network() {
    let (_house, ground) = ground().await;
    let found = visit(&ground, "ws://abcdefgh.onion/").await;
    assert_eq!(found.verdict.online(), None);
}

#[tokio::test]
async fn o2_1_a_relay_that_does_not_answer_us_is_online_with_a_policy() {
    let (_house, ground) = ground().await;
    for (answer, policy, auth) in [
        (
            json!(["CLOSED", "", "auth-required: who?"]),
            Some(Policy::AuthRequired),
            Some(true),
        ),
        (
            json!(["CLOSED", "", "restricted: members"]),
            Some(Policy::Restricted),
            None,
        ),
        (json!(["CLOSED", "", "error: broken"]), None, None),
    ] {
        let server = relay(DOCUMENT, move |conn| conn.serve(answer.clone(), (true, ""))).await;
        let found = visit(&ground, &server.url).await;
        assert_eq!(found.verdict, Verdict::Online);
        assert_eq!((found.read_policy, found.read_ms), (policy, None));
        assert_eq!(found.auth_required(), auth);
    }
}

#[tokio::test]
async fn o1_3_a_challenge_or_a_notice_is_nostr_too() {
    let (_house, ground) = ground().await;
    for message in [json!(["AUTH", "challenge"]), json!(["NOTICE", "hello"])] {
        let is_challenge = message[0] == "AUTH";
        let server = relay(NO_DOCUMENT, move |mut conn: Conn| {
            let message = message.clone();
            async move {
                conn.say(message).await;
                while conn.next().await.is_some() {}
            }
        })
        .await;
        let found = visit(&ground, &server.url).await;
        assert_eq!(found.verdict, Verdict::Online);
        assert_eq!(found.challenged, Some(is_challenge));
        assert_eq!(found.information, Known::Absent);
        assert_eq!(found.information_status, Some(404));
    }
}

#[tokio::test]
async fn o2_1_a_document_that_is_not_to_be_had_just_now_is_not_absent() {
    let (_house, ground) = ground().await;
    for (answer, expected) in [
        (
            "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n",
            Known::Unknown,
        ),
        (
            "HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n",
            Known::Unknown,
        ),
        (
            "HTTP/1.1 302 x\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            Known::Absent,
        ),
        (
            "HTTP/1.1 200 x\r\nContent-Length: 6\r\n\r\n<html>",
            Known::Absent,
        ),
        ("", Known::Unknown),
    ] {
        let server = relay(answer, |conn| conn.serve(json!(["EOSE", ""]), (true, ""))).await;
        let found = visit(&ground, &server.url).await;
        assert_eq!(found.verdict, Verdict::Online);
        assert_eq!(found.information, expected, "{answer}");
    }
}

async fn written(test: WriteTest, answer: serde_json::Value, ok: (bool, &'static str)) -> Findings {
    let mut config = config();
    config.check.write = test;
    let (_house, ground) = ground_with(config).await;
    let server = relay(DOCUMENT, move |conn| conn.serve(answer.clone(), ok)).await;
    visit(&ground, &server.url).await
}

#[tokio::test]
async fn o2_2_an_ephemeral_event_needs_not_come_back() {
    let eose = json!(["EOSE", ""]);
    for ok in [(true, ""), (false, "mute: no one was listening")] {
        let found = written(WriteTest::Ephemeral, eose.clone(), ok).await;
        assert_eq!(found.written, Some(Written::Taken));
        assert!(found.write_ms.is_some());
        // What it would keep was not tested.
        assert_eq!(found.writes_restricted(), None);
    }
    let found = written(WriteTest::Ephemeral, eose.clone(), (false, "pow: 20 bits")).await;
    assert_eq!(found.verdict, Verdict::Online);
    assert_eq!(found.written, Some(Written::Refused(Policy::Pow)));
    let found = written(WriteTest::Ephemeral, eose, (false, "error: full")).await;
    assert_eq!(found.written, Some(Written::Failed));
}

#[tokio::test]
async fn o2_2_a_note_that_does_not_come_back_is_lost() {
    let found = written(WriteTest::Note, json!(["EOSE", ""]), (true, "")).await;
    assert_eq!(found.written, Some(Written::Lost));
    let closed = json!(["CLOSED", "", "auth-required: who?"]);
    let found = written(WriteTest::Note, closed, (true, "")).await;
    assert_eq!(found.written, Some(Written::Unverified));
}

#[tokio::test]
async fn o2_2_a_note_that_comes_back_was_accepted() {
    let mut config = config();
    config.check.write = WriteTest::Note;
    let (_house, ground) = ground_with(config).await;
    let server = relay(NO_DOCUMENT, |mut conn: Conn| async move {
        let mut kept = None;
        while let Some(message) = conn.next().await {
            if message[0] == "EVENT" {
                conn.say(json!(["OK", message[1]["id"], true, ""])).await;
                kept = Some(message[1].clone());
            } else if message[0] == "REQ" {
                if let Some(event) = &kept {
                    conn.say(json!(["EVENT", message[1], event])).await;
                }
                conn.say(json!(["EOSE", message[1]])).await;
            }
        }
    })
    .await;
    let found = visit(&ground, &server.url).await;
    assert_eq!(found.written, Some(Written::Accepted));
    assert_eq!(found.writes_restricted(), Some(false));
}

#[tokio::test]
async fn o2_1_an_event_is_an_answer_even_a_bad_one() {
    let (_house, ground) = ground().await;
    let note = EventBuilder::new(Kind::NOTE, Timestamp(5)).sign(&crate::testing::key(7));
    let good: serde_json::Value = serde_json::from_slice(note.json()).unwrap();
    let mut forged = good.clone();
    forged["content"] = "forged".into();
    for (event, is_read) in [(good, true), (forged, false)] {
        let answer = json!(["EVENT", "", event]);
        let server = relay(NO_DOCUMENT, move |conn| {
            conn.serve(answer.clone(), (true, ""))
        })
        .await;
        let found = visit(&ground, &server.url).await;
        assert_eq!(found.verdict, Verdict::Online);
        assert_eq!(found.read_ms.is_some(), is_read);
    }
}
