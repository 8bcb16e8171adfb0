//! What comes of an EVENT.

use stentor_event::{Event, EventBuilder, Filter, Kind, SecretKey, Timestamp};
use stentor_simulation::{Character, Network, Spec};

use crate::client::{Client, SURELY};

async fn write(network: &Network, character: Character, event: &Event) -> (bool, String, usize) {
    let relay = network.relay(character).unwrap();
    let mut client = Client::connect(network, relay, SURELY).await.unwrap();
    let (accepted, reason) = client.publish(event).await;
    let wanted = Filter {
        ids: Some(vec![event.id()]),
        ..Filter::default()
    };
    let shown = client.ask(&wanted).await.events.len();
    (accepted, reason, shown)
}

/// A note with 16 bits of work, whose nonce was looked for once.
fn worked() -> Event {
    let builder = EventBuilder::new(Kind::NOTE, Timestamp(1_750_000_000));
    let note = builder
        .tag(["nonce", "77443", "16"])
        .sign(&SecretKey::from_bytes([5; 32]).unwrap());
    assert!(note.difficulty() >= 16);
    note
}

#[tokio::test]
async fn o5_4_writes_are_taken_refused_or_lost_as_the_character_has_it() {
    let spec = Spec {
        events: 10,
        ..Spec::cast(2)
    };
    let network = Network::start(spec).await.unwrap();
    let note = network.fresh_event(0, 1, 1_750_000_000, "a note");
    let passing = network.fresh_event(0, 20_001, 1_750_000_000, "ephemeral");
    for (character, event, accepted, prefix, shown) in [
        (Character::Honest, &note, true, "", 1),
        (Character::Honest, &passing, true, "", 0),
        (Character::PowWrites, &note, false, "pow:", 0),
        (Character::WritesBlocked, &note, false, "blocked:", 0),
        (Character::WritesLost, &note, true, "", 0),
        (Character::EphemeralOnly, &note, false, "blocked:", 0),
        (Character::EphemeralOnly, &passing, true, "", 0),
        (Character::AuthReads, &note, false, "auth-required:", 0),
    ] {
        let (taken, reason, visible) = write(&network, character, event).await;
        assert_eq!((taken, visible), (accepted, shown), "{character}: {reason}");
        assert!(reason.starts_with(prefix), "{character}: {reason}");
    }
    let lost = network.relay(Character::WritesLost).unwrap();
    assert_eq!(lost.published(), [note]);
}

#[tokio::test]
async fn o5_4_enough_work_is_accepted() {
    let network = Network::start(Spec::of(2, [Character::PowWrites]))
        .await
        .unwrap();
    let (accepted, reason, shown) = write(&network, Character::PowWrites, &worked()).await;
    assert_eq!((accepted, &*reason, shown), (true, "", 1));
}
