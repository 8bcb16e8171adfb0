//! A small client of the relay.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use stentor_event::Event;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use super::events::text;

/// A connection.
pub struct Client {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Connects.
    pub fn connect(url: &str) -> Self {
        Self::try_connect(url).unwrap()
    }

    /// Connects, or says why not.
    pub fn try_connect(url: &str) -> tungstenite::Result<Self> {
        let (socket, _) = tungstenite::connect(url)?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        }
        Ok(Self { socket })
    }

    /// Sends a text.
    pub fn send(&mut self, text: impl Into<String>) -> tungstenite::Result<()> {
        self.socket.send(Message::text(text.into()))
    }

    /// The next message; pings are passed over.
    pub fn receive(&mut self) -> tungstenite::Result<Value> {
        loop {
            if let Message::Text(text) = self.socket.read()? {
                return Ok(serde_json::from_str(text.as_str()).unwrap());
            }
        }
    }

    /// The next message that is not AUTH.
    pub fn next(&mut self) -> Value {
        loop {
            let message = self.receive().unwrap();
            if message[0] != "AUTH" {
                return message;
            }
        }
    }

    /// Publishes an event and waits for the answer: whether it was taken, and the reason.
    pub fn publish(&mut self, event: &Event) -> (bool, String) {
        self.send(format!("[\"EVENT\",{}]", text(event))).unwrap();
        loop {
            let message = self.next();
            if message[0] == "OK" && message[1] == event.id().to_string() {
                return (
                    message[2].as_bool().unwrap(),
                    message[3].as_str().unwrap().to_owned(),
                );
            }
        }
    }

    /// Everything stored that matches, up to EOSE.
    pub fn stored(&mut self, filter: Value) -> Vec<Value> {
        self.send(json!(["REQ", "stored", filter]).to_string())
            .unwrap();
        let mut events = Vec::new();
        loop {
            let message = self.next();
            match message[0].as_str().unwrap() {
                "EVENT" => events.push(message[2].clone()),
                "EOSE" => break,
                other => panic!("{other}: {message}"),
            }
        }
        self.send(json!(["CLOSE", "stored"]).to_string()).unwrap();
        events
    }

    /// Waits for the close frame; its code.
    pub fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}
