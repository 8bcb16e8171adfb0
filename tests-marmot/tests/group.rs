//! A group of three across a running relay, made with mdk-core 0.8.0 (R7).

use mdk_core::groups::NostrGroupDataUpdate;
use mdk_core::prelude::GroupId;
use serde_json::json;
use stentor_tests_marmot::connection::Connection;
use stentor_tests_marmot::member::{Heard, Member};
use stentor_tests_marmot::node;

/// That somebody said this.
fn said(by: &Member, text: &str) -> Heard {
    Heard::Said(by.key(), text.into())
}

/// A group that Alice has made of herself, Bob and Carol, all of whom follow it.
fn group_of_three(url: &str) -> ([Member; 3], GroupId) {
    let [mut alice, mut bob, mut carol] = [(); 3].map(|()| Member::authenticated(url));
    bob.publish_key_package();
    carol.publish_key_package();
    let packages = vec![
        alice.find_key_package(&bob.key(), 30_443),
        alice.find_key_package(&carol.key(), 443),
    ];
    let group = alice.make_group("Three", packages);
    alice.follow(&group);
    for member in [&mut bob, &mut carol] {
        assert_eq!(member.join(&alice.key()), group);
        assert_eq!(member.mdk.get_members(&group).unwrap().len(), 3);
    }
    ([alice, bob, carol], group)
}

/// Everybody says something, and everybody else hears it at once.
fn talk(members: &mut [Member], group: &GroupId) {
    for speaker in 0..members.len() {
        let text = format!("{speaker} says so");
        members[speaker].say(group, &text);
        let expected = said(&members[speaker], &text);
        for (listener, member) in members.iter_mut().enumerate() {
            if listener != speaker {
                assert_eq!(member.hear(), expected);
            }
        }
    }
}

#[test]
fn r7_a_group_of_three_talks_live() {
    let (_data, node) = node();
    let (mut members, group) = group_of_three(&node.url);
    talk(&mut members, &group);
}

#[test]
fn r7_who_was_away_catches_up() {
    let (_data, node) = node();
    let ([mut alice, mut bob, mut carol], group) = group_of_three(&node.url);
    alice.say(&group, "Carol?");
    bob.say(&group, "she is away");
    carol.reconnect();
    let caught_up = carol.catch_up(&group);
    assert_eq!(caught_up.len(), 2);
    assert!(caught_up.contains(&said(&alice, "Carol?")));
    assert!(caught_up.contains(&said(&bob, "she is away")));
    assert_eq!(carol.catch_up(&group), []);
    carol.follow(&group);
    alice.say(&group, "there you are");
    assert_eq!(carol.hear(), said(&alice, "there you are"));
}

#[test]
fn r7_a_group_changes_and_talks_on() {
    let (_data, node) = node();
    let (mut members, group) = group_of_three(&node.url);
    let [alice, bob, carol] = &mut members;

    let update = NostrGroupDataUpdate::new().name("Renamed");
    let update = alice.mdk.update_group_data(&group, update).unwrap();
    assert!(alice.commit(update).is_empty());
    for member in [&mut *bob, &mut *carol] {
        assert_eq!(member.hear(), Heard::Changed);
        let known = member.mdk.get_group(&group).unwrap().unwrap();
        assert_eq!(known.name, "Renamed");
    }
    talk(&mut members, &group);

    let mut dave = Member::authenticated(&node.url);
    dave.publish_key_package();
    let package = members[0].find_key_package(&dave.key(), 30_443);
    members[0].add(&group, package);
    for member in &mut members[1..] {
        assert_eq!(member.hear(), Heard::Changed);
    }
    assert_eq!(dave.join(&members[0].key()), group);
    let mut members = members.into_iter().chain([dave]).collect::<Vec<_>>();
    talk(&mut members, &group);

    let mut carol = members.remove(2);
    let update = members[0].mdk.remove_members(&group, &[carol.key()]);
    assert!(members[0].commit(update.unwrap()).is_empty());
    for member in &mut members[1..] {
        assert_eq!(member.hear(), Heard::Changed);
        assert!(
            !member
                .mdk
                .get_members(&group)
                .unwrap()
                .contains(&carol.key())
        );
    }
    assert_eq!(carol.hear(), Heard::Changed);
    talk(&mut members, &group);
    for _ in 0..members.len() {
        assert_eq!(carol.hear(), Heard::Nothing, "she is no longer a member");
    }
}

#[test]
fn r7_strangers_find_no_group() {
    let (_data, node) = node();
    let ([mut alice, mut bob, _carol], group) = group_of_three(&node.url);
    let message = alice.say(&group, "nobody else's business");
    assert_eq!(bob.hear(), said(&alice, "nobody else's business"));
    let mut stranger = Member::authenticated(&node.url);
    for relay in [&mut Connection::new(&node.url), &mut stranger.relay] {
        for filter in [
            json!({"kinds": [445]}),
            json!({"ids": [message.id]}),
            json!({"authors": [message.pubkey]}),
            json!({"kinds": [445], "#p": [alice.key()]}),
        ] {
            assert_eq!(relay.stored(filter.clone()), Ok(Vec::new()), "{filter}");
            assert_eq!(relay.count(filter.clone()), Ok(0), "{filter}");
        }
        let everything = relay.stored(json!({})).unwrap();
        assert!(everything.iter().all(|event| event.kind.as_u16() != 445));
        assert!(!everything.is_empty(), "key packages are for everybody");
        let known = alice.messages(&group);
        assert_eq!(relay.stored(known.clone()), Ok(vec![message.clone()]));
        assert_eq!(relay.count(known), Ok(1));
    }

    // Live: of what follows, only the note arrives.
    stranger.relay.follow("all", json!({"kinds": [1, 445]}));
    bob.say(&group, "who is listening?");
    let note = bob.sign(1, "in public", Vec::new());
    assert_eq!(bob.relay.publish(&note), Ok(()));
    assert_eq!(stranger.relay.next("all"), note);
}

#[test]
fn r7_welcomes_reach_their_recipient_and_nobody_else() {
    let (_data, node) = node();
    let mut alice = Member::authenticated(&node.url);
    let mut bob = Member::new(&node.url);
    let mut carol = Member::authenticated(&node.url);
    bob.publish_key_package();
    carol.relay.follow("wraps", json!({"kinds": [1, 1059]}));
    let package = alice.find_key_package(&bob.key(), 30_443);
    let group = alice.make_group("Two", vec![package]);

    let refused = |answer: Result<_, String>, prefix: &str| {
        let reason = answer.err().unwrap_or_default();
        assert!(reason.starts_with(prefix), "{reason}");
    };
    let inbox = bob.inbox();
    refused(bob.relay.stored(inbox.clone()), "auth-required: ");
    refused(carol.relay.stored(inbox.clone()), "restricted: ");
    refused(alice.relay.stored(inbox.clone()), "restricted: ");
    refused(
        carol.relay.count(inbox.clone()).map(|_| Vec::new()),
        "restricted: ",
    );
    for filter in [
        json!({"kinds": [1059]}),
        json!({"kinds": [1, 1059], "#p": [bob.key()]}),
    ] {
        assert_eq!(
            carol.relay.stored(filter.clone()),
            Ok(Vec::new()),
            "{filter}"
        );
        assert_eq!(carol.relay.count(filter), Ok(0));
    }
    let note = alice.sign(1, "in public", Vec::new());
    assert_eq!(alice.relay.publish(&note), Ok(()));
    assert_eq!(carol.relay.next("wraps"), note, "not the wrap before it");

    bob.relay.authenticate(&bob.keys);
    assert_eq!(bob.relay.count(inbox), Ok(1));
    assert_eq!(bob.join(&alice.key()), group);
}

/// A node on a new data folder.
fn node() -> (tempfile::TempDir, node::Node) {
    let data = tempfile::tempdir().unwrap();
    let node = node::Node::start(data.path(), &[]);
    (data, node)
}
