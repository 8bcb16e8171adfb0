//! What can be had from each character.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use stentor_simulation::{Character, Network, Reason, Relay, Spec, Truth};

use crate::walk::{Got, walk};

fn cast() -> Spec {
    Spec {
        pause: Duration::from_millis(40),
        ..Spec::cast(11)
    }
}

fn check(relay: &Relay, got: &Got, expected: &BTreeSet<stentor_event::EventId>) {
    let name = relay.character();
    let (more, less) = (got.ids.difference(expected), expected.difference(&got.ids));
    let (more, less) = (more.count(), less.count());
    assert_eq!((more, less), (0, 0), "{name}: more, less than expected");
    let truth = relay.truth();
    if truth.provable {
        let holes: BTreeSet<u64> = truth.holes.iter().map(|hole| hole.since).collect();
        assert_eq!(got.seconds, holes, "{name}: holes");
    }
}

#[tokio::test]
async fn o5_4_a_correct_walk_gets_exactly_what_the_truth_says() {
    let network = Network::start(cast()).await.unwrap();
    let walks = network.relays().iter().map(async |relay| {
        let got = walk(&network, relay, false).await;
        check(relay, &got, &relay.truth().honest);
        if relay.truth().provable && relay.truth().gated.is_empty() {
            assert!(got.finished, "{}", relay.character());
        }
    });
    join_all(walks).await;
    network.stop().await;
}

#[tokio::test]
async fn o5_4_what_is_gated_is_had_by_whoever_authenticates() {
    let characters = [Character::AuthReads, Character::AuthRefused];
    let network = Network::start(Spec::of(3, characters)).await.unwrap();
    let relay = network.relay(Character::AuthReads).unwrap();
    assert!(relay.truth().honest.is_empty() && !relay.truth().gated.is_empty());
    check(
        relay,
        &walk(&network, relay, true).await,
        &relay.truth().gated,
    );
    let refused = network.relay(Character::AuthRefused).unwrap();
    assert!(walk(&network, refused, true).await.ids.is_empty());
    let all = |_: &Relay, _: &Truth| true;
    assert!(network.union(all).is_empty());
    assert_eq!(network.authenticated_union(all), relay.truth().gated);
}

/// The truth itself: had it all been empty, the walk would have agreed.
#[tokio::test]
async fn o5_4_the_truth_is_what_the_descriptions_say() {
    let network = Network::start(cast()).await.unwrap();
    for relay in network.relays() {
        let (truth, name) = (relay.truth(), relay.character());
        let says = |words: &str| name.description().contains(words);
        let nothing = says("Nothing can be had") || says("It has nothing");
        let gated = name == Character::AuthReads;
        assert_eq!(truth.honest.is_empty(), nothing || gated, "{name}");
        assert!(truth.honest.is_subset(&truth.stored), "{name}");
        assert!(!nothing || truth.holes.is_empty(), "{name}");
    }
    let truth = |character| network.relay(character).unwrap().truth();
    let burst = truth(Character::BurstBeyondCap);
    assert_eq!(burst.holes[0].reason, Reason::BeyondCap);
    let missing = burst.stored.difference(&burst.honest);
    let expired = |id: &_| network.event(id).unwrap().expiration().is_some();
    assert_eq!(missing.filter(|id| !expired(*id)).count(), 30);
    assert!(truth(Character::BurstSplittable).holes.is_empty());
    assert_eq!(truth(Character::HugeFrames).holes.len(), 2);
    assert!(truth(Character::BadIds).forged > 20);
    assert!(truth(Character::BadSignatures).forged > 20);
    assert_eq!(
        truth(Character::Mirror).honest,
        truth(Character::Honest).honest
    );
    let exclusive = truth(Character::ShuttingDown).honest.iter();
    let elsewhere = network.union(|relay, _| relay.character() != Character::ShuttingDown);
    assert!(exclusive.filter(|id| !elsewhere.contains(id)).count() >= 20);
    assert!(!truth(Character::NeverEose).provable && truth(Character::Capped).provable);
}

#[tokio::test]
async fn o5_4_a_network_over_tls_is_walked_like_any_other() {
    let spec = Spec {
        tls: true,
        ..Spec::of(5, [Character::Honest, Character::Capped])
    };
    let network = Network::start(spec).await.unwrap();
    for relay in network.relays() {
        assert!(relay.url().starts_with("wss://127.0.0.1:"));
        check(
            relay,
            &walk(&network, relay, false).await,
            &relay.truth().honest,
        );
    }
}
