//! Events to feed to the binary.

use std::time::{SystemTime, UNIX_EPOCH};

use stentor_event::{Event, EventBuilder, Kind, SecretKey, Timestamp};

/// A key that is the same in every run.
pub fn key(number: u8) -> SecretKey {
    let mut bytes = [7; 32];
    bytes[31] = number + 1;
    SecretKey::from_bytes(bytes).unwrap()
}

/// Now, in seconds.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A note that is told apart by its number.
pub fn note(author: u8, number: u64) -> Event {
    event(
        author,
        1,
        now() - 100_000 + number,
        &[],
        &format!("note {number} of {author}"),
    )
}

/// Any event.
pub fn event(author: u8, kind: u16, created_at: u64, tags: &[&[&str]], content: &str) -> Event {
    let mut builder = EventBuilder::new(Kind(kind), Timestamp(created_at)).content(content);
    for tag in tags {
        builder = builder.tag(tag.iter().copied());
    }
    builder.sign(&key(author))
}

/// The JSON text of an event.
pub fn text(event: &Event) -> String {
    String::from_utf8(event.json().to_vec()).unwrap()
}

/// Events as lines.
pub fn lines<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    events.into_iter().map(|event| text(event) + "\n").collect()
}
