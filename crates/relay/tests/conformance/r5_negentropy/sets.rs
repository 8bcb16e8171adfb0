//! What is in the sets.

use serde_json::json;
use stentor_event::{Event, Timestamp};
use stentor_store::{Outcome, Submission};

use super::initiator::*;
use crate::harness::*;

over_both_engines! {
    r5_1_differences_are_found_in_both_directions,
    r5_1_equal_and_empty_sets,
    r5_1_a_limit_takes_the_newest,
    r5_1_what_is_gone_is_not_in_it,
    r5_1_what_comes_later_is_not_in_it,
    r2_1_private_kinds_are_reconciled_with_their_parties,
    r2_1_only_private_kinds_ask_for_authentication,
    r2_1_group_messages_need_an_h_filter,
}

async fn r5_1_differences_are_found_in_both_directions(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let all = unsigned(700, 1_000);
    // A few gaps on each side, and a stretch that only one has.
    let relays: Vec<&Event> = all
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 71 != 0 && *at < 600)
        .map(|(_, event)| event)
        .collect();
    let ours: Vec<&Event> = all
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 89 != 0 && *at > 60)
        .map(|(_, event)| event)
        .collect();
    put(
        &*node.store,
        &relays
            .iter()
            .map(|event| (*event).clone())
            .collect::<Vec<_>>(),
    )
    .await;
    for (filter, low, high) in [
        (json!({}), 0, u64::MAX),
        (
            json!({"kinds": [1], "since": 1_050, "until": 1_150}),
            1_050,
            1_150,
        ),
    ] {
        let within = |events: &[&Event]| -> Vec<Event> {
            let inside = |event: &&&Event| (low..=high).contains(&event.created_at().0);
            events
                .iter()
                .filter(inside)
                .map(|event| (*event).clone())
                .collect()
        };
        let (relays, ours) = (within(&relays), within(&ours));
        let learned = Initiator::new(&ours)
            .reconcile(&mut client, filter)
            .await
            .unwrap();
        assert_eq!(learned.have, &ids(&ours) - &ids(&relays));
        assert_eq!(learned.need, &ids(&relays) - &ids(&ours));
        assert!(!learned.have.is_empty() && !learned.need.is_empty());
    }
}

async fn r5_1_equal_and_empty_sets(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let events = unsigned(200, 1_000);
    let nothing = Learned {
        have: ids([]),
        need: ids([]),
    };
    assert_eq!(
        Initiator::new([]).reconcile(&mut client, json!({})).await,
        Ok(nothing)
    );
    let learned = Initiator::new(&events)
        .reconcile(&mut client, json!({}))
        .await
        .unwrap();
    assert_eq!((learned.have, learned.need.len()), (ids(&events), 0));
    put(&*node.store, &events).await;
    let nothing = Learned {
        have: ids([]),
        need: ids([]),
    };
    assert_eq!(
        Initiator::new(&events)
            .reconcile(&mut client, json!({}))
            .await,
        Ok(nothing)
    );
    assert_eq!(relay_has(&mut client, json!({})).await, Ok(ids(&events)));
    assert_eq!(
        relay_has(&mut client, json!({"kinds": []})).await,
        Ok(ids([]))
    );
    assert_eq!(
        relay_has(&mut client, json!({"kinds": [2]})).await,
        Ok(ids([]))
    );
}

async fn r5_1_a_limit_takes_the_newest(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let events = unsigned(600, 1_000);
    put(&*node.store, &events).await;
    let newest = relay_has(&mut client, json!({"limit": 3})).await;
    assert_eq!(newest, Ok(ids(&events[597..])));
    assert_eq!(
        relay_has(&mut client, json!({"limit": 0})).await,
        Ok(ids([]))
    );
    let all = relay_has(&mut client, json!({"kinds": [1]})).await.unwrap();
    assert_eq!(all.len(), 600, "the cap on the answers to a REQ has no say");
}

async fn r5_1_what_is_gone_is_not_in_it(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let (deleted, dropped) = (note(1, 90, "deleted"), note(2, 80, "dropped"));
    let old = event(0, now() - 70).content("old").sign(&key(1));
    let new = event(0, now() - 60).content("new").sign(&key(1));
    let draft = event(30_023, now() - 50)
        .tag(["d", "x"])
        .content("draft")
        .sign(&key(1));
    let final_ = event(30_023, now() - 40)
        .tag(["d", "x"])
        .content("final")
        .sign(&key(1));
    let passed = event(1, now() - 30)
        .tag(["expiration", &(now() - 5).to_string()])
        .sign(&key(3));
    let request = event(5, now() - 20).tag(["e", &id(&deleted)]).sign(&key(1));
    for event in [&deleted, &dropped, &old, &new, &draft, &final_, &request] {
        client.store(event).await;
    }
    node.store.remove(&[dropped.id()]).await.unwrap();
    let left = ids([&new, &final_, &request]);
    // It came before it expired, and has not been purged.
    let submission = Submission {
        event: passed,
        verified: true,
    };
    let early = Timestamp(now() - 20);
    let outcomes = node.store.submit(vec![submission], early).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Stored(_)));
    assert_eq!(relay_has(&mut client, json!({})).await, Ok(left.clone()));
    assert_eq!(node.purge(now()).await, 1);
    assert_eq!(relay_has(&mut client, json!({})).await, Ok(left));
}

async fn r5_1_what_comes_later_is_not_in_it(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let events = unsigned(100, 1_000);
    put(&*node.store, &events).await;
    let first = open(&mut client, "before", json!({})).await;
    put(
        &*node.store,
        &unsigned(1, 2_000)
            .iter()
            .map(|_| note(1, 5, "later"))
            .collect::<Vec<_>>(),
    )
    .await;
    let asked = Initiator::new([]).first();
    client
        .send(json!(["NEG-MSG", "before", asked]).to_string())
        .await;
    assert_eq!(
        neg(&mut client, "before").await,
        first,
        "the same set as before"
    );
    assert_eq!(relay_has(&mut client, json!({})).await.unwrap().len(), 101);
}

async fn r2_1_private_kinds_are_reconciled_with_their_parties(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let wrap = |to: u8| event(1059, now()).tag(["p", &public(to)]).sign(&key(200));
    let (open_, mine, others) = (note(9, 10, "open"), wrap(1), wrap(2));
    for event in [&open_, &mine, &others] {
        client.store(event).await;
    }
    for filter in [
        json!({}),
        json!({"#p": [public(1), public(2)]}),
        json!({"kinds": [1, 1059]}),
    ] {
        let seen = relay_has(&mut client, filter.clone()).await.unwrap();
        assert!(seen.is_subset(&ids([&open_])), "{filter}: {seen:?}");
    }
    let before = open(&mut client, "before", json!({})).await;
    client.authenticate(&key(1)).await;
    let asked = Initiator::new([]).first();
    client
        .send(json!(["NEG-MSG", "before", asked]).to_string())
        .await;
    assert_eq!(
        neg(&mut client, "before").await,
        before,
        "the set of who was asking"
    );
    let named = json!({"kinds": [1059], "#p": [public(1), public(2)]});
    assert_eq!(relay_has(&mut client, named).await, Ok(ids([&mine])));
    assert_eq!(
        relay_has(&mut client, json!({})).await,
        Ok(ids([&open_, &mine]))
    );
}

async fn r2_1_only_private_kinds_ask_for_authentication(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let others = json!({"kinds": [1059], "#p": [public(1)]});
    let answer = open(&mut client, "n", others.clone()).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("auth-required: "),
        "{answer}"
    );
    client.authenticate(&key(3)).await;
    let answer = open(&mut client, "n", others).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("restricted: "),
        "{answer}"
    );
    client.authenticate(&key(1)).await;
    assert_eq!(
        open(&mut client, "n", json!({"kinds": [1059]})).await[0],
        "NEG-MSG"
    );
}

async fn r2_1_group_messages_need_an_h_filter(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let group = "ab".repeat(32);
    let message = event(445, now()).tag(["h", &group]).sign(&key(1));
    client.store(&message).await;
    for filter in [
        json!({}),
        json!({"kinds": [445]}),
        json!({"ids": [id(&message)]}),
    ] {
        assert_eq!(relay_has(&mut client, filter).await, Ok(ids([])));
    }
    assert_eq!(
        relay_has(&mut client, json!({"#h": [group]})).await,
        Ok(ids([&message]))
    );
}
