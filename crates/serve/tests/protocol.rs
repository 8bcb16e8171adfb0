//! RFC 6455 over real sockets, with a client that breaks it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::client::{Client, frame, text, upgrade_request};
use common::{start, start_with, websocket};
use stentor_serve::{CloseCode, ConnectionCaps, EndReason};

#[tokio::test]
async fn echo_fragments_and_control_frames() {
    let running = start();
    let mut client = Client::connect(running.address).await;
    client.send(&text("one")).await;
    assert_eq!(client.next().await.text(), "echo one");
    client
        .send(
            &[
                frame(0x01, b"t"),
                frame(0x89, b"data"),
                frame(0x00, b"w"),
                frame(0x80, b"o"),
            ]
            .concat(),
        )
        .await;
    let pong = client.next().await;
    assert_eq!((pong.first, &pong.payload[..]), (0x8a, &b"data"[..]));
    assert_eq!(client.next().await.text(), "echo two");
    client.send(&frame(0x8a, b"unsolicited pong")).await;
    for byte in text("byte by byte") {
        client.send(&[byte]).await;
    }
    assert_eq!(client.next().await.text(), "echo byte by byte");
}

#[tokio::test]
async fn frames_sent_along_with_the_handshake_are_not_lost() {
    let running = start();
    let mut client = Client::tcp(running.address).await;
    let request = [
        upgrade_request("/", "").as_bytes(),
        &text("early"),
        &text("bird"),
    ]
    .concat();
    client.send(&request).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101"));
    let mut texts = Vec::new();
    for _ in 0..3 {
        texts.push(client.next().await.text().to_owned());
    }
    assert_eq!(texts, ["welcome", "echo early", "echo bird"]);
}

#[tokio::test]
async fn large_and_many_messages() {
    let running = start();
    let mut client = Client::connect(running.address).await;
    for size in [125, 126, 65_535, 65_536, 300_000, 512 << 10] {
        let sent = "x".repeat(size);
        client.send(&text(&sent)).await;
        assert_eq!(client.next().await.text().len(), size + 5);
    }
    let (reader, mut writer) = client.stream.into_split();
    let many = tokio::spawn(async move {
        let batch: Vec<u8> = (0..20_000)
            .flat_map(|number| text(&format!("message number {number}")))
            .collect();
        tokio::io::AsyncWriteExt::write_all(&mut writer, &batch)
            .await
            .unwrap();
        writer
    });
    let mut reader = tokio::io::BufReader::new(reader);
    for number in 0..20_000 {
        use tokio::io::AsyncReadExt;
        let expected = format!("echo message number {number}");
        let mut got = vec![0; expected.len() + 2];
        reader.read_exact(&mut got).await.unwrap();
        assert_eq!(std::str::from_utf8(&got[2..]).unwrap(), expected);
    }
    many.await.unwrap();
}

#[tokio::test]
async fn malformed_frames_close_with_the_right_code() {
    let mut running = start();
    let mut unmasked = frame(0x81, b"x");
    unmasked[1] &= 0x7f;
    let mut huge = frame(0x81, b"");
    huge[1] = 0xff;
    huge.splice(2..2, (1u64 << 40).to_be_bytes());
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("unmasked", unmasked, 1002),
        ("reserved bit", frame(0xa1, b"x"), 1002),
        ("compressed without agreement", frame(0xc1, b"x"), 1002),
        ("unknown opcode", frame(0x83, b"x"), 1002),
        ("fragmented ping", frame(0x09, b"x"), 1002),
        ("long ping", frame(0x89, &[0; 126]), 1002),
        ("stray continuation", frame(0x80, b"x"), 1002),
        (
            "message in message",
            [frame(0x01, b"x"), frame(0x81, b"x")].concat(),
            1002,
        ),
        ("bad close code", frame(0x88, &999u16.to_be_bytes()), 1002),
        ("bad text", frame(0x81, b"\xc0\x80"), 1007),
        (
            "bad fragment, message unfinished",
            frame(0x01, b"\xff"),
            1007,
        ),
        ("binary", frame(0x82, b"x"), 1003),
        ("huge", huge, 1009),
        (
            "too big in fragments",
            [frame(0x01, &[b'x'; 300_000]), frame(0x80, &[b'x'; 300_000])].concat(),
            1009,
        ),
    ];
    for (name, bytes, code) in cases {
        let mut client = Client::connect(running.address).await;
        // What follows the fault must not keep the close frame from arriving.
        let _ = tokio::io::AsyncWriteExt::write_all(
            &mut client.stream,
            &[bytes, text("sink")].concat(),
        )
        .await;
        assert_eq!(client.closed().await.0, code, "{name}");
        drop(client);
        assert!(
            matches!(running.ended().await, EndReason::Server(frame) if frame.code.get() == code),
            "{name}"
        );
    }
}

#[tokio::test]
async fn close_handshakes() {
    let mut running = start();
    let mut client = Client::connect(running.address).await;
    client
        .send(
            &[
                text("last words"),
                frame(0x88, b"\x0f\xa0done"),
                text("too late"),
            ]
            .concat(),
        )
        .await;
    assert_eq!(client.next().await.text(), "echo last words");
    assert_eq!(client.closed().await, (4000, String::new()));
    drop(client);
    assert!(
        matches!(running.ended().await, EndReason::Client(Some(frame)) if frame.reason == "done")
    );

    let mut client = Client::connect(running.address).await;
    client.send(&frame(0x88, b"")).await;
    let answer = client.next().await;
    assert_eq!((answer.first, answer.payload.len()), (0x88, 0));
    drop(client);
    assert_eq!(running.ended().await, EndReason::Client(None));

    let mut client = Client::connect(running.address).await;
    client.send(&text("bye")).await;
    assert_eq!(client.closed().await, (1000, "as asked".to_owned()));
    drop(client);
    assert!(
        matches!(running.ended().await, EndReason::Server(frame) if frame.code == CloseCode::NORMAL)
    );

    drop(Client::connect(running.address).await);
    assert_eq!(running.ended().await, EndReason::Lost);
}

#[tokio::test]
async fn a_client_that_ignores_the_close_is_cut() {
    let mut running = start_with(
        websocket(|config| config.close_timeout = std::time::Duration::from_millis(50)),
        ConnectionCaps::default(),
    );
    let mut client = Client::connect(running.address).await;
    client.send(&text("bye")).await;
    assert!(matches!(running.ended().await, EndReason::Server(_)));
    assert_eq!(running.server.limits().open(), 0);
}

#[tokio::test]
async fn silence_is_pinged_and_then_closed() {
    let config = websocket(|config| {
        config.ping_interval = std::time::Duration::from_millis(40);
        config.pong_timeout = std::time::Duration::from_millis(40);
    });
    let mut running = start_with(config, ConnectionCaps::default());
    let mut client = Client::connect(running.address).await;
    for _ in 0..3 {
        let ping = client.next().await;
        assert_eq!(ping.first, 0x89);
        client.send(&frame(0x8a, &ping.payload)).await;
    }
    assert_eq!(client.next().await.first, 0x89);
    assert_eq!(
        client.closed().await,
        (1011, "no answer to a ping".to_owned())
    );
    drop(client);
    assert!(matches!(running.ended().await, EndReason::Server(_)));
}
