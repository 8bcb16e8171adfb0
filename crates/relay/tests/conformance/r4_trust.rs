//! R4.2: the web of trust, kept from the lists of contacts (kind 3) here and first fetched from elsewhere.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stentor_event::Event;
use stentor_relay::config::{Admin, Config};

use crate::harness::*;
use crate::r5_negentropy::initiator::put;

over_both_engines! {
    r4_2_trust_follows_the_lists_of_contacts,
    r4_2_lists_that_are_gone_lend_no_trust,
    r4_2_a_gift_wrap_needs_recipients_who_are_all_trusted,
    r4_2_trust_is_first_fetched_from_other_relays,
    r4_2_trust_is_fetched_whole_from_a_relay_that_caps_its_answers,
    r4_2_trust_believes_no_forged_list,
}

const ADMIN: u8 = 50;
const ROOT: u8 = 1;
const STRANGER: u8 = 90;
/// How long a change of the graph may take. It is followed every few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn contacts(author: u8, ago: u64, followed: impl IntoIterator<Item = u8>) -> Event {
    let bare = event(3, now() - ago);
    let list = followed.into_iter();
    let list = list.fold(bare, |list, number| list.tag(["p", &public(number)]));
    list.sign(&key(author))
}

fn trusting(relays: Vec<String>) -> Config {
    let mut config = without_rates();
    config.policy.trust.roots = vec![public(ROOT)];
    config.policy.trust.relays = relays;
    config.access.admins = vec![Admin {
        key: public(ADMIN),
        methods: Vec::new(),
    }];
    config
}

/// Publishes notes by this author until one is answered like this, and returns the reason.
async fn until(client: &mut Client, author: u8, accepted: bool) -> String {
    let begun = Instant::now();
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    for turn in 0_u64.. {
        pause.tick().await;
        let (answer, reason) = client
            .publish(&note(author, 1_000 + turn, &format!("turn {turn}")))
            .await;
        if answer == accepted {
            return reason;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{author} is not {accepted}: {reason}"
        );
    }
    unreachable!("there is always a next turn");
}

async fn is_stranger(client: &mut Client, author: u8) {
    let (accepted, reason) = client.publish(&note(author, 5, "by a stranger")).await;
    assert!(
        !accepted && reason.starts_with("restricted: "),
        "{author}: {reason}"
    );
}

async fn r4_2_trust_follows_the_lists_of_contacts(engine: Engine) {
    let node = Node::with(engine, trusting(Vec::new())).await;
    let mut client = node.client().await;
    // Nobody but the root is known yet; a list that leads nowhere near the roots makes nobody trusted.
    until(&mut client, ROOT, true).await;
    is_stranger(&mut client, 2).await;
    put(
        &*node.store,
        &[
            contacts(STRANGER, 90, [91]),
            contacts(2, 80, [3]),
            contacts(3, 80, [4]),
        ],
    )
    .await;
    client.store(&contacts(ROOT, 70, [2])).await;
    until(&mut client, 3, true).await;
    client.store(&note(2, 5, "one away")).await;
    for far in [4, STRANGER, 91] {
        is_stranger(&mut client, far).await;
    }
    client.store(&note(ADMIN, 5, "a member")).await;
    // The author of a gift wrap is a key used once: it is for whom it is that counts.
    let wrap = |to: u8| event(1_059, now()).tag(["p", &public(to)]).sign(&key(200));
    client.store(&wrap(3)).await;
    let (accepted, reason) = client.publish(&wrap(4)).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    // A new list takes the place of the old one.
    client.store(&contacts(ROOT, 60, [STRANGER])).await;
    until(&mut client, 91, true).await;
    for number in [2, 3] {
        is_stranger(&mut client, number).await;
    }
    // A reload with other bounds holds without a new list.
    let mut config = trusting(Vec::new());
    config.policy.trust.depth = 1;
    node.relay.reconfigure(config).unwrap();
    until(&mut client, 91, false).await;
    until(&mut client, STRANGER, true).await;
}

async fn r4_2_lists_that_are_gone_lend_no_trust(engine: Engine) {
    let node = Node::with(engine, trusting(Vec::new())).await;
    let (second, third) = (contacts(2, 80, [3]), contacts(4, 80, [5]));
    put(
        &*node.store,
        &[contacts(ROOT, 80, [2, 4]), second.clone(), third.clone()],
    )
    .await;
    let mut client = node.client().await;
    until(&mut client, 3, true).await;
    until(&mut client, 5, true).await;
    // Its author takes it back.
    let deletion = event(5, now()).tag(["e", &id(&second)]).sign(&key(2));
    client.store(&deletion).await;
    until(&mut client, 3, false).await;
    client.store(&note(5, 4, "still trusted")).await;
    // An admin bans it.
    node.manage(&key(ADMIN), "banevent", json!([id(&third)]))
        .await;
    until(&mut client, 5, false).await;
    client.store(&contacts(2, 1, [3])).await;
    until(&mut client, 3, true).await;
}

async fn r4_2_a_gift_wrap_needs_recipients_who_are_all_trusted(engine: Engine) {
    let node = Node::with(engine, trusting(Vec::new())).await;
    put(&*node.store, &[contacts(ROOT, 80, [2, 3])]).await;
    let mut client = node.client().await;
    until(&mut client, 3, true).await;
    let wrap = |to: &[u8]| {
        let bare = event(1_059, now());
        let wrap = to
            .iter()
            .fold(bare, |wrap, to| wrap.tag(["p", &public(*to)]));
        wrap.sign(&key(200))
    };
    for (to, accepted) in [
        (&[2][..], true),
        (&[2, 3], true),
        (&[2, ADMIN], true),
        (&[2, STRANGER], false),
        (&[STRANGER, 2], false),
        (&[], false),
    ] {
        assert_eq!(client.publish(&wrap(to)).await.0, accepted, "{to:?}");
    }
}

/// What a key publishes that bootstrapping looks for.
fn about(author: u8, followed: &[u8]) -> Vec<Event> {
    let profile = event(0, now() - 50).content(r#"{"name":"x"}"#);
    let relays = event(10_002, now() - 50).tag(["r", "wss://relay.example.com"]);
    vec![
        contacts(author, 60, followed.iter().copied()),
        profile.sign(&key(author)),
        relays.sign(&key(author)),
    ]
}

async fn r4_2_trust_is_first_fetched_from_other_relays(engine: Engine) {
    let (near, far) = (Node::start(engine).await, Node::start(engine).await);
    put(&*near.store, &about(ROOT, &[2, 3])).await;
    // What one relay does not have, the next one may.
    put(
        &*far.store,
        &[about(2, &[4]), about(5, &[6]), vec![note(2, 9, "a note")]].concat(),
    )
    .await;
    let nowhere = "ws://127.0.0.1:1".to_owned();
    let relays = vec![nowhere, near.url(), far.url()];
    let node = Node::with(engine, trusting(relays)).await;
    let mut client = node.client().await;
    until(&mut client, 4, true).await;
    until(&mut client, 3, true).await;
    for stranger in [5, 6, STRANGER] {
        is_stranger(&mut client, stranger).await;
    }
    let fetched = client.query(json!({"kinds": [0, 3, 10_002]})).await;
    let authors = |event: &Value| event["pubkey"].as_str().unwrap().to_owned();
    let mut authors: Vec<String> = fetched.events.iter().map(authors).collect();
    authors.sort();
    authors.dedup();
    let mut trusted = vec![public(ROOT), public(2)];
    trusted.sort();
    assert_eq!((fetched.events.len(), authors), (6, trusted));
    let note = client
        .query(json!({"kinds": [1], "authors": [public(2)]}))
        .await;
    assert!(note.events.is_empty(), "nothing else is fetched");
}

async fn r4_2_trust_is_fetched_whole_from_a_relay_that_caps_its_answers(engine: Engine) {
    let followed: Vec<u8> = (2..=201).collect();
    let mut events = about(ROOT, &followed);
    events.extend(followed.iter().flat_map(|number| about(*number, &[250])));
    let capped = |limit: usize| {
        let mut config = without_rates();
        config.limits.limit = limit;
        Node::with(engine, config)
    };
    // One that says that there is more (NIP-67), and one that says nothing.
    let (open, plain) = (
        capped(50).await,
        PlainRelay::start(events.clone(), 500).await,
    );
    put(&*open.store, &events).await;
    for url in [open.url(), plain.url.clone()] {
        let mut config = trusting(vec![url]);
        config.policy.trust.followers = 100;
        let node = Node::with(engine, config).await;
        let mut client = node.client().await;
        until(&mut client, 250, true).await;
        let lists = client.count(&[json!({"kinds": [3]})]).await;
        assert_eq!(lists["count"], 201, "one of each");
    }
}

async fn r4_2_trust_believes_no_forged_list(engine: Engine) {
    let forge = |author: u8, followed: u8| {
        let mut list: Value =
            serde_json::from_str(&text(&contacts(author, 5, [followed]))).unwrap();
        let other: Value = serde_json::from_str(&text(&note(STRANGER, 5, "x"))).unwrap();
        list["sig"] = other["sig"].clone();
        Event::parse(list.to_string().as_bytes()).unwrap()
    };
    let events = vec![
        contacts(ROOT, 60, [2]),
        contacts(2, 60, [3]),
        forge(ROOT, STRANGER),
        forge(2, STRANGER),
    ];
    let liar = PlainRelay::start(events, 500).await;
    let node = Node::with(engine, trusting(vec![liar.url.clone()])).await;
    let mut client = node.client().await;
    until(&mut client, 3, true).await;
    is_stranger(&mut client, STRANGER).await;
    let lists = client.query(json!({"kinds": [3]})).await;
    assert_eq!(lists.events.len(), 2);
}
