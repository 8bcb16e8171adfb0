//! Keys, events and messages for tests.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stentor_event::{Event, EventBuilder, Kind, PublicKey, SecretKey, Timestamp};

/// The answer to an AUTH challenge.
pub fn auth_event(key: &SecretKey, url: &str, challenge: &str, at: u64) -> Event {
    EventBuilder::new(Kind::AUTH, Timestamp(at))
        .tag(["relay", url])
        .tag(["challenge", challenge])
        .sign(key)
}

/// A REQ or COUNT.
pub fn request(verb: &str, sub: &str, filters: &[Value]) -> String {
    let mut message = vec![json!(verb), json!(sub)];
    message.extend_from_slice(filters);
    Value::Array(message).to_string()
}

/// The JSON of an event.
pub fn text(event: &Event) -> String {
    String::from_utf8(event.json().to_vec()).unwrap()
}

/// The id of an event in hex.
pub fn id(event: &Event) -> String {
    event.id().to_string()
}

/// A key for tests.
pub fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number.max(1); 32]).unwrap()
}

/// Its public key in hex.
pub fn public(number: u8) -> String {
    public_key(number).to_string()
}

/// Its public key.
pub fn public_key(number: u8) -> PublicKey {
    key(number).public_key()
}

/// The time of day.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// An event to be signed, made at this time.
pub fn event(kind: u16, at: u64) -> EventBuilder {
    EventBuilder::new(Kind(kind), Timestamp(at))
}

/// A note made some seconds ago.
pub fn note(author: u8, ago: u64, content: &str) -> Event {
    event(1, now() - ago).content(content).sign(&key(author))
}
