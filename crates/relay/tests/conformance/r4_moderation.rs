//! R4.4: reports (NIP-56) and hits of rules make a queue.

use serde_json::{Value, json};
use stentor_relay::config::{Action, Admin, Config, Reporters};

use crate::harness::*;
use crate::r5_negentropy::initiator::put;

over_both_engines! {
    r4_4_reports_fill_the_queue,
    r4_4_enough_reporters_are_needed,
    r4_4_only_members_reports_count,
    r4_4_by_default_strangers_reports_do_not_count,
    r4_4_strangers_reports_drown_no_members,
    r4_4_a_report_that_was_taken_back_does_not_count,
    r4_4_what_is_not_here_does_not_wait,
    r4_4_strangers_hide_nothing_from_searches,
    r4_4_the_list_goes_on_past_what_is_gone,
    r4_4_hits_of_rules_fill_the_queue,
    r4_4_what_is_judged_leaves_the_queue_for_good,
}

const ADMIN: u8 = 50;

/// Everybody's reports count.
fn by_anyone(config: &mut Config) {
    config.moderation.reporters = Reporters::Anyone;
}

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
    let node = moderated(engine, by_anyone).await;
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
    let node = moderated(engine, |config| {
        by_anyone(config);
        config.moderation.reports = 2;
    })
    .await;
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
    let node = moderated(engine, by_anyone).await;
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

async fn r4_4_by_default_strangers_reports_do_not_count(engine: Engine) {
    let node = moderated(engine, |_| {}).await;
    let mut client = node.client().await;
    let (bad, marker) = (note(1, 10, "bad"), note(1, 10, "marker"));
    client.store(&bad).await;
    client.store(&marker).await;
    client.store(&report(2, &bad, "spam", "")).await;
    client.store(&report(ADMIN, &marker, "spam", "")).await;
    let waiting = queue_of(&node, 1).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["id"], id(&marker));
}

async fn r4_4_strangers_reports_drown_no_members(engine: Engine) {
    let node = moderated(engine, |config| {
        config.moderation.reports = 2;
        config.policy.keys.allow = vec![public(1), public(2), public(3), public(4)];
    })
    .await;
    let mut client = node.client().await;
    let bad = note(1, 10, "bad");
    client.store(&bad).await;
    let reported = |by: u8, at: u64, words: &str| {
        event(1_984, at)
            .tag(["e", &id(&bad), "spam"])
            .content(words)
            .sign(&key(by))
    };
    client.store(&reported(2, now() - 60, "of a member")).await;
    let flood: Vec<_> = (0..1_100)
        .map(|number| reported(9, now(), &number.to_string()))
        .collect();
    put(&*node.store, &flood).await;
    client.store(&reported(3, now() - 60, "of another")).await;
    assert_eq!(queue_of(&node, 1).await[0]["id"], id(&bad));
}

async fn r4_4_a_report_that_was_taken_back_does_not_count(engine: Engine) {
    let node = moderated(engine, |config| {
        by_anyone(config);
        config.moderation.reports = 2;
    })
    .await;
    let mut client = node.client().await;
    let (fine, marker) = (note(1, 10, "fine"), note(1, 10, "marker"));
    client.store(&fine).await;
    client.store(&marker).await;
    let mistake = report(2, &fine, "spam", "a mistake");
    client.store(&mistake).await;
    // It has been read when what comes after it has an effect.
    client.store(&report(2, &marker, "spam", "")).await;
    client.store(&report(3, &marker, "spam", "")).await;
    queue_of(&node, 1).await;
    client
        .store(&event(5, now()).tag(["e", &id(&mistake)]).sign(&key(2)))
        .await;
    client.store(&report(3, &fine, "spam", "")).await;
    let second = note(1, 9, "second marker");
    client.store(&second).await;
    for by in [2, 3] {
        client.store(&report(by, &second, "spam", "")).await;
    }
    let waiting = queue_of(&node, 2).await;
    assert_eq!(waiting.len(), 2);
    assert!(!waiting.iter().any(|entry| entry["id"] == id(&fine)));
}

async fn r4_4_what_is_not_here_does_not_wait(engine: Engine) {
    let node = moderated(engine, |config| {
        by_anyone(config);
        config.moderation.queue = 1;
    })
    .await;
    let mut client = node.client().await;
    let bad = note(1, 10, "bad");
    client.store(&bad).await;
    client.store(&report(2, &bad, "spam", "")).await;
    queue_of(&node, 1).await;
    let never = note(1, 9, "never published");
    client.store(&report(3, &never, "spam", "")).await;
    client.store(&report(3, &bad, "spam", "again")).await;
    loop {
        let waiting = queue(&node).await;
        assert_eq!(waiting.len(), 1, "it has pushed out what is here");
        if waiting[0]["reason"] == "reported: spam: again" {
            break;
        }
        tokio::task::yield_now().await;
    }
}

async fn r4_4_strangers_hide_nothing_from_searches(engine: Engine) {
    let mut config = without_rates();
    by_anyone(&mut config);
    config.access.admins = vec![Admin {
        key: public(ADMIN),
        methods: Vec::new(),
    }];
    let relay = Searching::trusting(engine, config).await;
    let mut client = relay.node.client().await;
    let word = note(1, 10, "purple");
    client.store(&word).await;
    client.store(&report(2, &word, "spam", "")).await;
    queue_of(&relay.node, 1).await;
    let found = client.query(json!({"search": "purple"})).await;
    assert_eq!(found.ids(), [id(&word)]);
    client.store(&report(ADMIN, &word, "spam", "it is")).await;
    loop {
        let waiting = queue_of(&relay.node, 1).await;
        if waiting[0]["reason"] == "reported: spam: it is" {
            break;
        }
        tokio::task::yield_now().await;
    }
    let found = client.query(json!({"search": "purple"})).await;
    assert!(found.events.is_empty(), "who is trusted has reported it");
    let found = client.query(json!({"search": "purple include:spam"})).await;
    assert_eq!(found.ids(), [id(&word)]);
}

async fn r4_4_the_list_goes_on_past_what_is_gone(engine: Engine) {
    let node = moderated(engine, |_| {}).await;
    let mut client = node.client().await;
    let bad = note(1, 10, "bad");
    client.store(&bad).await;
    let records = node.relay.access().records();
    let gone = records.write(|tx| {
        for number in 0_u32..1_500 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let text = "INSERT INTO relay_moderation (id, first_at, reason) VALUES (?, 1, '')";
            tx.execute(text, (id,))?;
        }
        Ok::<_, stentor_sql::Error>(())
    });
    gone.await.unwrap();
    client.store(&report(ADMIN, &bad, "spam", "")).await;
    // Listing takes out what is gone, so that it is done once, when all are there.
    loop {
        let text = "SELECT COUNT(*) FROM relay_moderation";
        let (waiting,): (u64,) = records.fetch_one(text, ()).await.unwrap();
        if waiting == 1_501 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let listed = queue(&node).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], id(&bad));
    let shell = stentor_relay::access::Actor::shell();
    let time = stentor_event::Timestamp(now());
    let management = node.relay.management();
    let method = "listeventsneedingmoderation";
    let listed = management.call(method, &[], &shell, true, time).await;
    let listed = listed.unwrap();
    assert_eq!(listed[0]["reporters"], 1, "{listed}");
    assert!(listed[0]["since"].as_u64().unwrap() + 60 > now());
}
