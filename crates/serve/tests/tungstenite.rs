//! Against a client that was not written here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::start;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Bytes, Message};

#[tokio::test]
async fn echo_fragments_ping_and_close() {
    let mut running = start();
    let (mut client, response) = connect_async(format!("ws://{}/", running.address))
        .await
        .unwrap();
    assert_eq!(response.status(), 101);
    assert!(response.headers().get("sec-websocket-extensions").is_none());
    assert_eq!(
        client.next().await.unwrap().unwrap().into_text().unwrap(),
        "welcome"
    );
    let long = "Grüße, 世界 🌍 ".repeat(10_000);
    client.send(Message::text(long.clone())).await.unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap().into_text().unwrap(),
        format!("echo {long}")
    );
    for (data, fin, part) in [
        (Data::Text, false, "a"),
        (Data::Continue, false, "b"),
        (Data::Continue, true, "c"),
    ] {
        let frame = Frame::message(Bytes::from_static(part.as_bytes()), OpCode::Data(data), fin);
        client.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(
        client.next().await.unwrap().unwrap().into_text().unwrap(),
        "echo abc"
    );
    client
        .send(Message::Ping(Bytes::from_static(b"p")))
        .await
        .unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong(Bytes::from_static(b"p"))
    );
    client
        .close(Some(CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        }))
        .await
        .unwrap();
    let Some(Ok(Message::Close(Some(answer)))) = client.next().await else {
        panic!("no close")
    };
    assert_eq!(u16::from(answer.code), 1000);
    assert!(client.next().await.is_none());
    assert!(matches!(
        running.ended().await,
        stentor_serve::EndReason::Client(Some(_))
    ));
}
