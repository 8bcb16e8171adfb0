//! R4.4: reports (NIP-56) and hits of rules make a queue.

use serde_json::{Value, json};
use stentor_relay::config::{Action, Admin, Config, Reporters};

use crate::harness::*;

over_both_engines! {
    r4_4_reports_fill_the_queue,
    r4_4_enough_reporters_are_needed,
    r4_4_only_members_reports_count,
    r4_4_hits_of_rules_fill_the_queue,
    r4_4_what_is_judged_leaves_the_queue_for_good,
}

const ADMIN: u8 = 50;

async fn moderated(engine: Engine, change: impl FnOnce(&mut Config)) -> Node {
    let mut config = without_rates();
    config.access.admins = vec![Admin {
        key: public(ADMIN),
        methods: Vec::new(),
    }];
    change(&mut config);
    Node::with(engine, config).await
}

async fn queue(node: &Node) -> Vec<Value> {
    let listed = node
        .manage(&key(ADMIN), "listeventsneedingmoderation", json!([]))
        .await;
    listed.as_array().unwrap().clone()
}

/// The queue, once it has this many entries.
async fn queue_of(node: &Node, entries: usize) -> Vec<Value> {
    loop {
        let queue = queue(node).await;
        if queue.len() >= entries {
            return queue;
        }
        tokio::task::yield_now().await;
    }
}

fn report(
    reporter: u8,
    target: &stentor_event::Event,
    kind: &str,
    words: &str,
) -> stentor_event::Event {
    event(1_984, now())
        .tag(["e", &id(target), kind])
        .tag(["p", &target.pubkey().to_string()])
        .content(words)
        .sign(&key(reporter))
}

async fn r4_4_reports_fill_the_queue(engine: Engine) {
    let node = moderated(engine, |_| {}).await;
    let mut client = node.client().await;
    let bad = note(1, 10, "bad");
    client.store(&bad).await;
    client.store(&report(2, &bad, "illegal", "look")).await;
    let waiting = queue_of(&node, 1).await;
    assert_eq!(waiting[0]["id"], id(&bad));
    assert_eq!(waiting[0]["reason"], "reported: illegal: look");
    let person = event(1_984, now())
        .tag(["p", &public(1), "impersonation"])
        .sign(&key(2));
    client.store(&person).await;
    let waiting = queue_of(&node, 2).await;
    assert!(
        waiting.iter().any(|entry| entry["id"] == id(&person)),
        "the report itself"
    );
}

async fn r4_4_enough_reporters_are_needed(engine: Engine) {
    let node = moderated(engine, |config| config.moderation.reports = 2).await;
    let mut client = node.client().await;
    let (bad, worse) = (note(1, 10, "bad"), note(1, 10, "worse"));
    client.store(&bad).await;
    client.store(&worse).await;
    client.store(&report(2, &bad, "spam", "one")).await;
    client.store(&report(2, &bad, "spam", "again")).await;
    client.store(&report(2, &worse, "spam", "")).await;
    client.store(&report(3, &worse, "spam", "")).await;
    let waiting = queue_of(&node, 1).await;
    assert_eq!(waiting.len(), 1, "one reporter is not two: {waiting:?}");
    assert_eq!(waiting[0]["id"], id(&worse));
}

async fn r4_4_only_members_reports_count(engine: Engine) {
    let node = moderated(engine, |config| {
        config.moderation.reporters = Reporters::Members;
        config.policy.keys.allow = vec![public(2), public(3), public(1)];
    })
    .await;
    let open = moderated(engine, |config| {
        config.moderation.reporters = Reporters::Members
    })
    .await;
    let mut client = open.client().await;
    let bad = note(1, 10, "bad");
    client.store(&bad).await;
    client
        .store(&report(2, &bad, "spam", "of a stranger"))
        .await;
    client
        .store(&report(ADMIN, &bad, "spam", "of an admin"))
        .await;
    let waiting = queue_of(&open, 1).await;
    assert_eq!(waiting[0]["reason"], "reported: spam: of an admin");
    let mut client = node.client().await;
    client.store(&bad).await;
    client.store(&report(2, &bad, "spam", "of a member")).await;
    assert_eq!(queue_of(&node, 1).await.len(), 1);
}

async fn r4_4_hits_of_rules_fill_the_queue(engine: Engine) {
    let node = moderated(engine, |config| {
        config.policy.words.words = vec!["casino".into()];
        config.policy.words.action = Action::Review;
    })
    .await;
    let mut client = node.client().await;
    let suspect = note(1, 1, "a casino");
    client.store(&suspect).await;
    let waiting = queue_of(&node, 1).await;
    assert_eq!(waiting[0]["id"], id(&suspect));
    assert_eq!(
        client
            .query(json!({"ids": [id(&suspect)]}))
            .await
            .events
            .len(),
        1,
        "taken"
    );
}

async fn r4_4_what_is_judged_leaves_the_queue_for_good(engine: Engine) {
    let node = moderated(engine, |_| {}).await;
    let mut client = node.client().await;
    let (good, bad, gone) = (note(1, 10, "good"), note(1, 10, "bad"), note(1, 10, "gone"));
    for (number, target) in [&good, &bad, &gone].into_iter().enumerate() {
        client.store(target).await;
        client
            .store(&report(2 + number as u8, target, "spam", ""))
            .await;
    }
    queue_of(&node, 3).await;
    node.manage(&key(ADMIN), "allowevent", json!([id(&good)]))
        .await;
    node.manage(&key(ADMIN), "banevent", json!([id(&bad)]))
        .await;
    client
        .store(&event(5, now()).tag(["e", &id(&gone)]).sign(&key(1)))
        .await;
    assert!(queue(&node).await.is_empty());
    let marker = note(4, 1, "marker");
    client.store(&marker).await;
    client.store(&report(5, &good, "spam", "once more")).await;
    client.store(&report(5, &marker, "spam", "")).await;
    let waiting = queue_of(&node, 1).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["id"], id(&marker), "reports are read in order");
}
