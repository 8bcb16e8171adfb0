//! Stores with more events than fit into one part of the locator and the feed.

use bytes::Bytes;
use stentor_event::Event;
use stentor_store::EventStore;
use stentor_store::embedded::Options;

use super::house::House;

/// More than one part of the locator, three of the feed.
const EVENTS: u64 = 70_000;

/// An event that nobody has signed.
fn made_up(number: u64) -> Event {
    let json = format!(
        r#"{{"id":"{:016x}{:048x}","pubkey":"{}","created_at":{number},"kind":1,"tags":[],"content":"","sig":"{}"}}"#,
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        0,
        "ab".repeat(32),
        "cd".repeat(64),
    );
    Event::from_canonical(Bytes::from(json)).unwrap()
}

#[test]
fn parts_are_added_to_locator_and_feed() {
    let mut house = House::opened_with(Options::default());
    let all: Vec<Event> = (0..EVENTS).map(made_up).collect();
    for part in all.chunks(10_000) {
        house.submit(part);
    }
    house.remove(&all[..100]);
    let check = |house: &House| {
        let content = house.content();
        assert_eq!(content.events.len() as u64, EVENTS - 100);
        assert_eq!(content.feed.len() as u64, EVENTS + 100);
        assert_eq!(content.events[&EVENTS], *all[EVENTS as usize - 1].json());
        assert_eq!(house.store().statistics().events, EVENTS - 100);
    };
    check(&house);
    let mut killed = house.killed();
    killed.open();
    check(&killed);
    house.open();
    check(&house);
}
