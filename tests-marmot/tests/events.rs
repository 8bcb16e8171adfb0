//! The events that mdk-core 0.8.0 makes, one by one: which the relay takes and keeps, and which it refuses (R7).

use mdk_core::messages::EventTag;
use nostr::{Event, EventBuilder, Kind, Tag, TagKind, Timestamp};
use serde_json::json;
use stentor_tests_marmot::member::Member;
use stentor_tests_marmot::node::Node;

/// A node on a new data folder, and somebody who is connected to it.
fn member() -> (tempfile::TempDir, Node, Member) {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let member = Member::new(&node.url);
    (data, node, member)
}

/// The event with other tags, signed anew; a second older, so that it replaces nothing.
fn retagged(member: &Member, event: &Event, tags: Vec<Tag>) -> Event {
    EventBuilder::new(event.kind, &event.content)
        .tags(tags)
        .custom_created_at(event.created_at - 1)
        .sign_with_keys(&member.keys)
        .unwrap()
}

#[track_caller]
fn assert_refused(member: &mut Member, event: &Event, prefix: &str) {
    let reason = member.relay.publish(event).err().unwrap_or_default();
    assert!(reason.starts_with(prefix), "{event:?}: {reason}");
}

#[test]
fn r7_key_packages_need_each_of_their_tags() {
    let (_data, _node, mut member) = member();
    let (current, legacy) = member.key_package(false);
    for event in [current, legacy] {
        let legacy = event.kind.as_u16() == 443;
        for left_out in event.tags.iter() {
            let rest = event.tags.iter().filter(|tag| *tag != left_out);
            let less = retagged(&member, &event, rest.cloned().collect());
            let optional = match left_out.kind().as_str() {
                "client" => true,
                "i" | "mls_proposals" => legacy,
                _ => false,
            };
            if optional {
                assert_eq!(member.relay.publish(&less), Ok(()), "{left_out:?}");
            } else {
                assert_refused(&mut member, &less, "invalid: ");
            }
        }
        let broken = member.sign(
            event.kind.as_u16(),
            "no key package!",
            event.tags.clone().to_vec(),
        );
        assert_refused(&mut member, &broken, "invalid: ");
        assert_eq!(member.relay.publish(&event), Ok(()));
    }
}

#[test]
fn r7_a_key_package_replaces_the_one_in_its_slot() {
    let (_data, _node, mut member) = member();
    let (old, _) = member.key_package(false);
    let (new, _) = member.key_package(false);
    let slot = old.tags.find(TagKind::d()).unwrap().clone();
    let others = new.tags.iter().filter(|tag| tag.kind() != TagKind::d());
    let new = EventBuilder::new(new.kind, &new.content)
        .tags([slot].into_iter().chain(others.cloned()))
        .custom_created_at(old.created_at + 1)
        .sign_with_keys(&member.keys)
        .unwrap();
    member.mdk.parse_key_package(&new).unwrap();
    assert_eq!(member.relay.publish(&old), Ok(()));
    assert_eq!(member.relay.publish(&new), Ok(()));
    let filter = json!({"kinds": [30_443], "authors": [member.key()]});
    assert_eq!(member.relay.stored(filter), Ok(vec![new]));
}

#[test]
fn r7_a_key_package_is_found_by_its_reference_until_it_is_deleted() {
    let (_data, _node, mut member) = member();
    let (_, legacy) = member.key_package(false);
    assert_eq!(member.relay.publish(&legacy), Ok(()));
    let reference = legacy.tags.find(TagKind::i()).unwrap().content();
    let filter = json!({"kinds": [443], "#i": [reference]});
    assert_eq!(
        member.relay.stored(filter.clone()),
        Ok(vec![legacy.clone()])
    );
    let deletion = member.sign(5, "", vec![Tag::event(legacy.id)]);
    assert_eq!(member.relay.publish(&deletion), Ok(()));
    assert_eq!(member.relay.stored(filter), Ok(Vec::new()));
}

#[test]
fn r7_protected_key_packages_come_from_their_owner() {
    let (_data, node, mut member) = member();
    let (current, legacy) = member.key_package(true);
    let mut other = Member::authenticated(&node.url);
    for event in [&current, &legacy] {
        assert_refused(&mut member, event, "auth-required: ");
        assert_refused(&mut other, event, "restricted: ");
    }
    member.relay.authenticate(&member.keys);
    for event in [&current, &legacy] {
        assert_eq!(member.relay.publish(event), Ok(()));
    }
}

#[test]
fn r7_lists_of_relays_name_relays() {
    let (_data, _node, mut member) = member();
    let list = |member: &Member, url: &str| {
        let relay = Tag::custom(TagKind::Relay, [url]);
        member.sign(10_051, "", vec![relay])
    };
    let wrong = list(&member, "https://example.com");
    assert_refused(&mut member, &wrong, "invalid: ");
    let right = list(&member, "wss://example.com");
    assert_eq!(member.relay.publish(&right), Ok(()));
}

#[test]
fn r7_welcomes_are_not_published_bare() {
    let (_data, _node, mut member) = member();
    for kind in [444, 446, 447, 448, 449] {
        let bare = member.sign(kind, "AAAA", Vec::new());
        assert_refused(&mut member, &bare, "invalid: ");
    }
}

#[test]
fn r7_group_messages_name_one_group_and_may_expire() {
    let (_data, _node, mut member) = member();
    let group = member.make_group("Alone", Vec::new());
    let message = |member: &Member, tags| {
        let rumor = EventBuilder::new(Kind::Custom(9), "to myself").build(member.key());
        member.mdk.create_message(&group, rumor, tags).unwrap()
    };
    let plain = message(&member, None);
    assert_eq!(member.relay.publish(&plain), Ok(()));

    let h = plain
        .tags
        .iter()
        .find(|tag| tag.kind() == TagKind::h())
        .unwrap();
    let nameless = retagged(&member, &plain, Vec::new());
    let twice = retagged(&member, &plain, vec![h.clone(), h.clone()]);
    let short = retagged(&member, &plain, vec![Tag::custom(TagKind::h(), ["ab"])]);
    for wrong in [nameless, twice, short] {
        assert_refused(&mut member, &wrong, "invalid: ");
    }

    let until = |seconds: i64| {
        let at = Timestamp::now().as_secs().saturating_add_signed(seconds);
        Some(vec![EventTag::expiration(Timestamp::from(at))])
    };
    let lasting = message(&member, until(3600));
    assert_eq!(member.relay.publish(&lasting), Ok(()));
    let past = message(&member, until(-10));
    assert_refused(&mut member, &past, "invalid: ");
    let kept = member.relay.stored(member.messages(&group)).unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&plain) && kept.contains(&lasting));
}
