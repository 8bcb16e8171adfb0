//! Which events there are, and where.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stentor_event::{Event, EventId, Kind};
use stentor_simulation::{Character, Network, Spec, Tripwire};

/// URLs in `r` tags of relay lists.
fn listed(events: &[Event]) -> BTreeSet<String> {
    let lists = events
        .iter()
        .filter(|event| event.kind() == Kind::RELAY_LIST);
    let urls = lists.flat_map(|event| {
        let view = event.view();
        let tags = view.tags().filter(|tag| tag.name().is(b"r"));
        let urls = tags.map(|tag| tag.get(1).unwrap().to_text().into_owned());
        urls.collect::<Vec<_>>()
    });
    urls.collect()
}

/// Ids of a relay's events that name no URL.
fn without_urls(network: &Network, character: Character) -> BTreeSet<EventId> {
    let events = network.relay(character).unwrap().events();
    let plain = events.iter().filter(|event| {
        let tagged = event.view().tags().any(|tag| tag.name().is(b"e"));
        event.kind().0 == 30_023 || event.kind() == Kind::NOTE && !tagged
    });
    plain.map(Event::id).collect()
}

#[tokio::test]
async fn o5_4_the_seed_decides() {
    let start = |seed| Network::start(Spec::cast(seed));
    let (one, same, other) = (start(1), start(1), start(2));
    let (one, same, other) = tokio::try_join!(one, same, other).unwrap();
    for character in Character::ALL.iter().copied() {
        let plain = without_urls(&one, character);
        assert_eq!(plain, without_urls(&same, character), "{character}");
        if !plain.is_empty() {
            assert_ne!(plain, without_urls(&other, character), "{character}");
        }
    }
}

#[tokio::test]
async fn o5_4_the_whole_network_is_found_from_one_relay() {
    let tripwire = Tripwire::new().await.unwrap();
    let spec = Spec::cast(4).mention([tripwire.url(), "ws://10.0.0.1/".to_owned()]);
    let network = Network::start(spec).await.unwrap();
    let mut urls: BTreeSet<_> = network.urls().into_iter().collect();
    assert_eq!(urls.len(), Character::ALL.len());
    urls.extend([tripwire.url(), "ws://10.0.0.1/".to_owned()]);
    for character in [Character::Honest, Character::Capped, Character::Hints] {
        let relay = network.relay(character).unwrap();
        assert!(listed(&relay.events()).is_superset(&urls), "{character}");
    }
    assert_eq!(tripwire.touched(), 0);
}

#[tokio::test]
async fn o5_4_events_are_of_many_kinds_and_at_several_relays() {
    let network = Network::start(Spec::cast(6)).await.unwrap();
    let all = network.union(|_, _| true);
    let events = all.iter().map(|id| network.event(id).unwrap());
    let kinds: BTreeSet<u16> = events.map(|event| event.kind().0).collect();
    let expected = BTreeSet::from([0, 1, 3, 6, 7, 10_002, 10_050, 30_023]);
    assert_eq!(kinds, expected);
    let copies = |id| {
        let relays = network.relays().iter();
        relays
            .filter(|relay| relay.truth().honest.contains(id))
            .count()
    };
    assert!(all.iter().any(|id| copies(id) == 1));
    assert!(all.iter().any(|id| copies(id) > 2));
}

#[tokio::test]
async fn o5_5_a_crowd_of_two_thousand_starts_in_a_few_seconds() {
    let begun = Instant::now();
    let network = Network::start(Spec::crowd(8, 2_000)).await.unwrap();
    // Some seconds where nothing else runs; the rest is for machines that are busy.
    assert!(begun.elapsed() < Duration::from_secs(60));
    let urls: BTreeSet<_> = network.urls().into_iter().collect();
    assert_eq!(urls.len(), 2_000);
    let first = &network.relays()[0];
    assert_eq!(first.character(), Character::Honest);
    assert!(listed(&first.events()).is_superset(&urls));
    for character in ["refusing", "slow-open", "mute", "http-page"] {
        let relays = network.of(character.parse().unwrap());
        assert_eq!(relays.count(), 100);
    }
    network.stop().await;
}
