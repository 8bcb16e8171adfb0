//! A client over tokio-tungstenite.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stentor_event::{Event, SecretKey};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{PATIENCE, auth_event, now, request, text};

/// A client over tokio-tungstenite.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    pub challenge: String,
    url: String,
    /// Messages that came while another was awaited.
    stash: VecDeque<Value>,
}

/// The answer to a REQ up to EOSE.
#[derive(Debug)]
pub struct Answer {
    pub events: Vec<Value>,
    pub eose: Value,
}

impl Answer {
    /// The ids in the order they came.
    pub fn ids(&self) -> Vec<String> {
        self.events
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The hint of NIP-67, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.eose.get(2).map(|hints| hints[0].as_str().unwrap())
    }
}

impl Client {
    pub async fn over(stream: TcpStream, url: &str) -> Result<Self, u16> {
        // What follows a message without an answer, such as CLOSE, is not to wait for its acknowledgement.
        stream.set_nodelay(true).unwrap();
        let socket = match timeout(PATIENCE, client_async(url, stream)).await.unwrap() {
            Ok((socket, _)) => socket,
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                return Err(response.status().as_u16());
            }
            Err(error) => panic!("{error}"),
        };
        let mut client = Self {
            socket,
            challenge: String::new(),
            url: url.to_owned(),
            stash: VecDeque::new(),
        };
        let hello = client.receive().await;
        assert_eq!(hello[0], "AUTH");
        client.challenge = hello[1].as_str().unwrap().to_owned();
        Ok(client)
    }

    /// Sends text.
    pub async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends several messages with one write, as far as the client can.
    pub async fn send_all(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.socket.feed(Message::text(text)).await.unwrap();
        }
        self.socket.flush().await.unwrap();
    }

    /// Sends any kind of message.
    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame; `None` when the connection has ended without a close frame.
    pub async fn frame(&mut self) -> Option<Message> {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("the relay says nothing")
            {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next message from the wire.
    async fn receive(&mut self) -> Value {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a text message: {other:?}"),
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.stash.pop_front() {
            Some(message) => message,
            None => self.receive().await,
        }
    }

    /// The next message that passes the test; others are kept for later.
    pub async fn find(&mut self, test: impl Fn(&Value) -> bool) -> Value {
        if let Some(position) = self.stash.iter().position(&test) {
            return self.stash.remove(position).unwrap();
        }
        loop {
            let message = self.receive().await;
            if test(&message) {
                return message;
            }
            self.stash.push_back(message);
        }
    }

    /// The close frame: code and reason. Messages before it are dropped.
    pub async fn closing(&mut self) -> (u16, String) {
        loop {
            match self.frame().await {
                Some(Message::Close(Some(frame))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Message::Text(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }

    /// Publishes an event given as JSON text: accepted, and the reason.
    pub async fn publish_text(&mut self, event: &str) -> (bool, String) {
        let id = serde_json::from_str::<Value>(event).unwrap()["id"].clone();
        self.send(format!("[\"EVENT\",{event}]")).await;
        ok(&self
            .find(|message| message[0] == "OK" && message[1] == id)
            .await)
    }

    /// Publishes an event: accepted, and the reason.
    pub async fn publish(&mut self, event: &Event) -> (bool, String) {
        self.publish_text(&text(event)).await
    }

    /// Publishes an event that must be accepted.
    pub async fn store(&mut self, event: &Event) {
        assert_eq!(
            self.publish(event).await,
            (true, String::new()),
            "{event:?}"
        );
    }

    /// Opens a subscription and waits for its stored events.
    pub async fn subscribe(&mut self, sub: &str, filters: &[Value]) -> Answer {
        self.send(request("REQ", sub, filters)).await;
        let mut events = Vec::new();
        loop {
            let message = self
                .find(|message| message[1] == sub && message[0] != "OK")
                .await;
            match message[0].as_str().unwrap() {
                "EVENT" => events.push(message[2].clone()),
                "EOSE" => {
                    return Answer {
                        events,
                        eose: message,
                    };
                }
                other => panic!("{other}: {message}"),
            }
        }
    }

    /// The stored events for one filter; the subscription is closed again.
    pub async fn query(&mut self, filter: Value) -> Answer {
        let answer = self.subscribe("query", &[filter]).await;
        self.send(r#"["CLOSE","query"]"#).await;
        answer
    }

    /// The reason of the CLOSED that a request is answered with.
    pub async fn refused(&mut self, verb: &str, filters: &[Value]) -> String {
        self.send(request(verb, "refused", filters)).await;
        let message = self.find(|message| message[1] == "refused").await;
        assert_eq!(message[0], "CLOSED", "{message}");
        message[2].as_str().unwrap().to_owned()
    }

    /// The answer to a COUNT.
    pub async fn count(&mut self, filters: &[Value]) -> Value {
        self.send(request("COUNT", "count", filters)).await;
        let message = self.find(|message| message[1] == "count").await;
        assert_eq!(message[0], "COUNT", "{message}");
        message[2].clone()
    }

    /// The next live event of a subscription.
    pub async fn live(&mut self, sub: &str) -> Value {
        self.find(|message| message[0] == "EVENT" && message[1] == sub)
            .await[2]
            .clone()
    }

    /// Waits until the relay has done all that was asked before; what else came is kept.
    pub async fn settle(&mut self) {
        static TURN: AtomicU64 = AtomicU64::new(0);
        let sub = format!("settle{}", TURN.fetch_add(1, Ordering::Relaxed));
        self.send(request("REQ", &sub, &[json!({"limit": 0})]))
            .await;
        self.find(|message| message[0] == "EOSE" && message[1] == sub.as_str())
            .await;
        self.send(format!("[\"CLOSE\",\"{sub}\"]")).await;
    }

    /// Whether nothing for this subscription has come so far.
    pub async fn silent(&mut self, sub: &str) -> bool {
        self.settle().await;
        !self.stash.iter().any(|message| message[1] == sub)
    }

    /// The live events that have come so far, by subscription; they are taken.
    pub async fn gathered(&mut self) -> BTreeMap<String, Vec<Value>> {
        self.settle().await;
        let mut gathered: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for mut message in std::mem::take(&mut self.stash) {
            if message[0] == "EVENT" {
                let sub = message[1].as_str().unwrap().to_owned();
                gathered.entry(sub).or_default().push(message[2].take());
            } else {
                self.stash.push_back(message);
            }
        }
        gathered
    }

    /// Authenticates with a key.
    pub async fn authenticate(&mut self, key: &SecretKey) -> (bool, String) {
        let url = self.url.clone();
        self.authenticate_as(key, &url, now()).await
    }

    /// Authenticates, naming this relay and time.
    pub async fn authenticate_as(&mut self, key: &SecretKey, url: &str, at: u64) -> (bool, String) {
        let challenge = self.challenge.clone();
        let event = auth_event(key, url, &challenge, at);
        self.auth(&event).await
    }

    /// Sends AUTH.
    pub async fn auth(&mut self, event: &Event) -> (bool, String) {
        self.send(format!("[\"AUTH\",{}]", text(event))).await;
        let id = event.id().to_string();
        ok(&self
            .find(|message| message[0] == "OK" && message[1] == id.as_str())
            .await)
    }
}

fn ok(message: &Value) -> (bool, String) {
    (
        message[2].as_bool().unwrap(),
        message[3].as_str().unwrap().to_owned(),
    )
}
