//! permessage-deflate over real sockets (R8.4).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::client::{Client, frame, upgrade_request};
use common::{start, start_with, websocket};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use stentor_serve::ConnectionCaps;

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 100);
    Compress::new(Compression::best(), false)
        .compress_vec(data, &mut out, FlushCompress::Sync)
        .unwrap();
    out.truncate(out.len() - 4);
    out
}

fn inflate(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 20);
    let data = [data, &[0, 0, 0xff, 0xff]].concat();
    Decompress::new(false)
        .decompress_vec(&data, &mut out, FlushDecompress::Sync)
        .unwrap();
    out
}

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

#[tokio::test]
async fn r8_4_agreed_and_used_in_both_directions() {
    let running = start();
    let answer = Client::tcp(running.address)
        .await
        .request(&upgrade_request("/", OFFER))
        .await;
    assert!(answer.contains("sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"));
    let mut client = Client::tcp(running.address).await.upgraded(OFFER).await;
    client.send(&frame(0xc1, &deflate(b"hello"))).await;
    assert_eq!(
        client.next().await.text(),
        "echo hello",
        "short messages are not compressed"
    );
    let long = "all work and no play makes jack a dull boy. ".repeat(100);
    for sent in [
        frame(0xc1, &deflate(long.as_bytes())),
        frame(0x81, long.as_bytes()),
    ] {
        client.send(&sent).await;
        let got = client.next().await;
        assert_eq!(got.first, 0xc1);
        assert!(got.payload.len() < 300);
        assert_eq!(inflate(&got.payload), format!("echo {long}").into_bytes());
    }
}

#[tokio::test]
async fn r8_4_a_smaller_window_is_honoured() {
    let running = start();
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";
    let mut client = Client::tcp(running.address).await.upgraded(offer).await;
    client.send(&frame(0x81, &[b'a'; 400])).await;
    assert_eq!(client.next().await.first, 0xc1);
    client.send(&frame(0x81, &[b'a'; 600])).await;
    assert_eq!(client.next().await.first, 0x81, "longer than the window");
}

#[tokio::test]
async fn r8_4_a_bomb_closes_with_1009() {
    let running = start();
    let mut client = Client::tcp(running.address).await.upgraded(OFFER).await;
    client
        .send(&frame(0xc1, &deflate(&vec![b'a'; 32 << 20])))
        .await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn r8_4_can_be_switched_off() {
    let running = start_with(
        websocket(|config| config.deflate = false),
        ConnectionCaps::default(),
    );
    let answer = Client::tcp(running.address)
        .await
        .request(&upgrade_request("/", OFFER))
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 101") && !answer.contains("extensions"),
        "{answer}"
    );
}
