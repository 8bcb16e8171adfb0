//! A connection to the relay, as a client has it.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::Duration;

use nostr::{Event, EventBuilder, JsonUtil, Keys, RelayUrl};
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// A connection. Events of subscriptions that are followed wait until they are asked for.
pub struct Connection {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    url: RelayUrl,
    challenge: Option<String>,
    waiting: VecDeque<(String, Event)>,
}

impl Connection {
    /// Connects.
    pub fn new(url: &str) -> Self {
        let (socket, _) = tungstenite::connect(url).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_nodelay(true).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
        }
        Self {
            socket,
            url: RelayUrl::parse(url).unwrap(),
            challenge: None,
            waiting: VecDeque::new(),
        }
    }

    /// Where it is connected to.
    pub const fn url(&self) -> &RelayUrl {
        &self.url
    }

    fn send(&mut self, message: &Value) {
        let text = Message::text(message.to_string());
        self.socket.send(text).unwrap();
    }

    /// The next message that is neither a challenge nor an event of a subscription other than this.
    fn receive(&mut self, subscription: &str) -> Value {
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            let message: Value = serde_json::from_str(text.as_str()).unwrap();
            match message[0].as_str().unwrap() {
                "AUTH" => self.challenge = Some(message[1].as_str().unwrap().to_owned()),
                "EVENT" if message[1] != subscription => {
                    let id = message[1].as_str().unwrap().to_owned();
                    self.waiting.push_back((id, event(&message[2])));
                }
                _ => return message,
            }
        }
    }

    /// Proves to hold these keys (NIP-42).
    pub fn authenticate(&mut self, keys: &Keys) {
        while self.challenge.is_none() {
            // The challenge comes first, whatever is asked.
            let _ = self.stored(json!({"ids": []}));
        }
        let challenge = self.challenge.clone().unwrap();
        let answer = EventBuilder::auth(challenge, self.url.clone())
            .sign_with_keys(keys)
            .unwrap();
        let answered = self.submit("AUTH", &answer);
        assert_eq!(answered, Ok(()));
    }

    /// Publishes an event; why it was refused, if it was.
    pub fn publish(&mut self, event: &Event) -> Result<(), String> {
        self.submit("EVENT", event)
    }

    fn submit(&mut self, verb: &str, event: &Event) -> Result<(), String> {
        let json: Value = serde_json::from_str(&event.as_json()).unwrap();
        self.send(&json!([verb, json]));
        loop {
            let message = self.receive("");
            if message[0] == "OK" && message[1] == event.id.to_hex() {
                let reason = message[3].as_str().unwrap().to_owned();
                return if message[2] == true {
                    Ok(())
                } else {
                    Err(reason)
                };
            }
        }
    }

    /// All stored events that match, newest first; why the relay does not tell, if it does not.
    pub fn stored(&mut self, filter: Value) -> Result<Vec<Event>, String> {
        const ID: &str = "stored";
        self.send(&json!(["REQ", ID, filter]));
        let mut events = Vec::new();
        loop {
            let message = self.receive(ID);
            if message[1] != ID {
                continue;
            }
            match message[0].as_str().unwrap() {
                "EVENT" => events.push(event(&message[2])),
                "EOSE" => break,
                "CLOSED" => return Err(message[2].as_str().unwrap().to_owned()),
                other => panic!("{other}: {message}"),
            }
        }
        self.send(&json!(["CLOSE", ID]));
        Ok(events)
    }

    /// How many events match; why the relay does not tell, if it does not.
    pub fn count(&mut self, filter: Value) -> Result<u64, String> {
        const ID: &str = "count";
        self.send(&json!(["COUNT", ID, filter]));
        loop {
            let message = self.receive("");
            if message[1] != ID {
                continue;
            }
            return match message[0].as_str().unwrap() {
                "COUNT" => Ok(message[2]["count"].as_u64().unwrap()),
                "CLOSED" => Err(message[2].as_str().unwrap().to_owned()),
                other => panic!("{other}: {message}"),
            };
        }
    }

    /// Follows what is published from now on and matches.
    pub fn follow(&mut self, id: &str, filter: Value) {
        let mut filter = filter;
        filter["limit"] = json!(0);
        self.send(&json!(["REQ", id, filter]));
        let answer = self.receive("");
        assert_eq!((&answer[0], &answer[1]), (&json!("EOSE"), &json!(id)));
    }

    /// The next event that is published and matches what is followed under this name.
    pub fn next(&mut self, id: &str) -> Event {
        if let Some(at) = self.waiting.iter().position(|(of, _)| of == id) {
            return self.waiting.remove(at).unwrap().1;
        }
        loop {
            let message = self.receive(id);
            if message[0] == "EVENT" {
                return event(&message[2]);
            }
        }
    }
}

/// An event that the relay has sent: what it sends is valid.
fn event(json: &Value) -> Event {
    let event = Event::from_json(json.to_string()).unwrap();
    event.verify().unwrap();
    event
}
