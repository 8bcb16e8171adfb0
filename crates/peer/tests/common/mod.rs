//! A scripted relay on loopback, and what connects to it.

#![allow(dead_code)]

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stentor_event::{Event, EventBuilder, Filter, Kind, SecretKey, Timestamp};
use stentor_net::dial::{self, Dialer, Trust};
use stentor_peer::{Config, KeySigner, Peer, Signer};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// The relay's end of a connection.
pub struct Conn(pub WebSocketStream<TcpStream>);

impl Conn {
    /// The client's next message; `None` when it has closed the connection.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The client's next message, which must begin with this verb; its second element.
    pub async fn expect(&mut self, verb: &str) -> Value {
        let mut message = self.next().await.expect(verb);
        assert_eq!(message[0], verb, "{message}");
        message[1].take()
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// Sends a message that is none of Nostr's.
    pub async fn send_binary(&mut self) {
        self.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    }

    /// Sends a message, whether or not anybody is there.
    pub async fn try_send(&mut self, message: Value) -> bool {
        let sent = self.0.send(Message::text(message.to_string())).await;
        sent.is_ok()
    }

    /// Keeps the connection, answering pings, until the client goes.
    pub async fn linger(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// A relay that plays this script to every client; its URL.
pub async fn relay<F: Future<Output = ()> + Send + 'static>(
    script: impl Fn(Conn) -> F + Send + Sync + 'static,
) -> String {
    let script = Arc::new(script);
    raw(move |stream| {
        let script = script.clone();
        async move {
            if let Ok(socket) = accept_async(stream).await {
                script(Conn(socket)).await;
            }
        }
    })
    .await
}

/// A server of whatever kind; its URL as a relay.
pub async fn raw<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

pub fn dialer() -> Dialer {
    Dialer::new(&dial::Config::default()).unwrap()
}

pub async fn connect(url: &str) -> Peer {
    connect_with(url, Config::default()).await
}

pub async fn connect_with(url: &str, config: Config) -> Peer {
    Peer::connect(&dialer(), url, Trust::Operator, config, None)
        .await
        .unwrap()
}

/// A connection that authenticates with [`key`].
pub async fn connect_signed(url: &str, config: Config) -> Peer {
    Peer::connect(&dialer(), url, Trust::Operator, config, Some(signer()))
        .await
        .unwrap()
}

pub fn key() -> SecretKey {
    SecretKey::from_bytes([3; 32]).unwrap()
}

pub fn signer() -> Arc<dyn Signer> {
    Arc::new(KeySigner(key()))
}

pub fn note(content: &str) -> Event {
    EventBuilder::new(Kind::NOTE, Timestamp(1_700_000_000))
        .content(content)
        .sign(&key())
}

pub fn value(event: &Event) -> Value {
    serde_json::from_slice(event.json()).unwrap()
}

pub fn filter(json: &str) -> Vec<Filter> {
    vec![Filter::parse(json.as_bytes()).unwrap()]
}

/// Kind 1.
pub fn notes() -> Vec<Filter> {
    filter(r#"{"kinds":[1]}"#)
}

/// The `OK` to an event.
pub fn ok(event: &Value, accepted: bool, reason: &str) -> Value {
    json!(["OK", event["id"], accepted, reason])
}
