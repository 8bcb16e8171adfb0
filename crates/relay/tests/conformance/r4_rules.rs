//! R4.2 and R2.2: the rules about events that look at more than the event, over the wire.

use serde_json::{Value, json};
use stentor_event::Event;
use stentor_relay::config::{Action, Admin, Config, Who, WhoReceives};

use crate::harness::*;
use crate::r5_negentropy::initiator::put;

over_both_engines! {
    r4_2_newcomers_publish_little,
    r4_2_newcomers_are_known_after_a_while,
    r4_2_newcomers_may_be_refused_altogether,
    r4_2_words_and_hosts,
    r4_2_words_that_are_shadowed,
    r4_2_bursts_of_one_text,
    r4_2_what_is_for_review_is_taken,
    r2_2_gift_wraps_to_those_who_list_the_relay,
    r2_2_gift_wraps_where_only_members_write,
    r4_2_addresses_at_other_domains,
    r1_3_the_rules_come_before_the_signature,
    r1_3_the_rules_come_before_what_is_stored,
}

const ADMIN: u8 = 50;

async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Node {
    let mut config = without_rates();
    config.access.admins = vec![Admin {
        key: public(ADMIN),
        methods: Vec::new(),
    }];
    change(&mut config);
    Node::with(engine, config).await
}

/// Asserts that an event is refused for a reason that begins like this.
async fn is_refused(client: &mut Client, event: &Event, reason: &str) {
    let (accepted, said) = client.publish(event).await;
    assert!(!accepted && said.starts_with(reason), "{said}");
}

fn wrap(kind: u16, to: u8) -> Event {
    event(kind, now()).tag(["p", &public(to)]).sign(&key(200))
}

/// The reasons in the moderation queue, by event, once there are so many.
async fn reviewed(node: &Node, entries: usize) -> Vec<(String, String)> {
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    let mut turn = 0;
    loop {
        // No two calls are alike, as each token counts once.
        turn += 1;
        let params = json!([turn]);
        let method = "listeventsneedingmoderation";
        let listed = node.manage(&key(ADMIN), method, params).await;
        let listed = listed.as_array().unwrap();
        if listed.len() >= entries {
            let pair = |entry| (text(entry, "id"), text(entry, "reason"));
            return listed.iter().map(pair).collect();
        }
    }
}

async fn r4_2_newcomers_publish_little(engine: Engine) {
    let node = with(engine, |config| {
        (
            config.policy.newcomers.events,
            config.policy.newcomers.per_hour,
        ) = (10, 2);
    })
    .await;
    let mut client = node.client().await;
    // What somebody else writes in the name of a key uses up nothing.
    for number in 0..5 {
        let other = text(&note(2, 5, &number.to_string()));
        let mut forged: Value =
            serde_json::from_str(&text(&note(1, 5, &number.to_string()))).unwrap();
        let other: Value = serde_json::from_str(&other).unwrap();
        forged["sig"] = other["sig"].clone();
        let (accepted, reason) = client.publish_text(&forged.to_string()).await;
        assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    }
    let first = note(1, 4, "first");
    client.store(&first).await;
    let (accepted, reason) = client.publish(&first).await;
    assert!(
        accepted && reason.starts_with("duplicate: "),
        "counts once: {reason}"
    );
    client.store(&note(1, 3, "second")).await;
    is_refused(&mut client, &note(1, 2, "third"), "rate-limited: ").await;
    is_refused(
        &mut node.client().await,
        &note(1, 1, "elsewhere"),
        "rate-limited: ",
    )
    .await;
    client.store(&note(2, 2, "another key")).await;
    for number in 0..5 {
        client
            .store(&note(ADMIN, number, &format!("member {number}")))
            .await;
        let to = event(1_059, now() - number)
            .tag(["p", &public(1)])
            .content(number.to_string());
        client.store(&to.sign(&key(200))).await;
    }
}

async fn r4_2_newcomers_are_known_after_a_while(engine: Engine) {
    let node = with(engine, |config| {
        (
            config.policy.newcomers.events,
            config.policy.newcomers.per_hour,
        ) = (3, 2);
    })
    .await;
    let mut client = node.client().await;
    let before: Vec<Event> = (0..3)
        .map(|ago| note(1, 90 + ago, &format!("before {ago}")))
        .collect();
    put(&*node.store, &before[..2]).await;
    client.store(&note(1, 9, "the third")).await;
    for ago in 0..8 {
        client.store(&note(1, ago, &format!("known {ago}"))).await;
    }
    put(&*node.store, &[note(2, 90, "one")]).await;
    client.store(&note(2, 9, "two")).await;
    client.store(&note(2, 8, "three")).await;
    client.store(&note(2, 7, "known by now")).await;
}

async fn r4_2_newcomers_may_be_refused_altogether(engine: Engine) {
    let node = with(engine, |config| {
        (
            config.policy.newcomers.events,
            config.policy.newcomers.per_hour,
        ) = (1, 0);
    })
    .await;
    let mut client = node.client().await;
    is_refused(&mut client, &note(1, 5, "new"), "restricted: ").await;
    put(&*node.store, &[note(1, 90, "brought by the operator")]).await;
    client.store(&note(1, 4, "not new")).await;
}

async fn r4_2_words_and_hosts(engine: Engine) {
    let node = with(engine, |config| {
        let words = &mut config.policy.words;
        words.words = vec!["casino".into(), "free money".into(), "pharma*".into()];
        words.hosts = vec!["bad.example.com".into()];
    })
    .await;
    let mut client = node.client().await;
    for text in [
        "The CASINO is open",
        "Free Money for all",
        "pharmaceuticals",
        "see https://bad.example.com/x",
        "see https://very.bad.example.com",
    ] {
        is_refused(&mut client, &note(1, 1, text), "blocked: ").await;
    }
    let tagged = event(1, now()).tag(["t", "casino"]).sign(&key(1));
    is_refused(&mut client, &tagged, "blocked: ").await;
    for text in [
        "casinos",
        "money is free",
        "biopharma",
        "https://bad.example.community",
    ] {
        client.store(&note(1, 1, text)).await;
    }
    client
        .store(&event(7, now()).content("casino").sign(&key(1)))
        .await;
}

async fn r4_2_words_that_are_shadowed(engine: Engine) {
    let node = with(engine, |config| {
        config.policy.words.words = vec!["casino".into()];
        config.policy.words.action = Action::Shadow;
    })
    .await;
    let (mut author, mut reader) = (node.client().await, node.client().await);
    assert!(author.authenticate(&key(1)).await.0);
    reader.subscribe("live", &[json!({"limit": 0})]).await;
    author.subscribe("live", &[json!({"limit": 0})]).await;
    let shadowed = note(1, 1, "a casino");
    for _ in 0..2 {
        author.store(&shadowed).await;
    }
    let taken = note(1, 0, "anything else");
    author.store(&taken).await;
    for client in [&mut reader, &mut author] {
        assert_eq!(client.live("live").await["id"], id(&taken));
        assert!(client.silent("live").await);
        assert_eq!(client.query(json!({})).await.ids(), [id(&taken)]);
        assert_eq!(
            client.count(&[json!({"ids": [id(&shadowed)]})]).await["count"],
            0
        );
    }
}

async fn r4_2_bursts_of_one_text(engine: Engine) {
    let text = |number: u64| {
        format!(
            "Number {number}: you will not believe how easy this is, look at https://x.example/{number}"
        )
    };
    for action in [Action::Refuse, Action::Shadow] {
        let node = with(engine, |config| {
            config.policy.bursts.copies = 2;
            config.policy.bursts.action = action;
        })
        .await;
        let mut client = node.client().await;
        client.store(&note(1, 9, &text(1))).await;
        client.store(&note(2, 8, &text(2))).await;
        let third = note(3, 7, &text(3));
        let (accepted, reason) = client.publish(&third).await;
        assert_eq!(accepted, action == Action::Shadow, "{reason}");
        assert_eq!(
            reason.starts_with("blocked: "),
            action == Action::Refuse,
            "{reason}"
        );
        let stored = client.query(json!({"ids": [id(&third)]})).await;
        assert!(stored.events.is_empty(), "{action:?}");
        client
            .store(&note(
                3,
                6,
                "Something else entirely, and long enough to be looked at",
            ))
            .await;
        // One moment for all, or a second that passes makes two of them the same.
        let base = now();
        for number in 0..4 {
            let greeting = event(1, base - 10 - number).content("good morning");
            client.store(&greeting.sign(&key(4))).await;
        }
        client
            .store(&event(7, now()).content(text(4)).sign(&key(4)))
            .await;
    }
}

async fn r4_2_what_is_for_review_is_taken(engine: Engine) {
    let node = with(engine, |config| {
        config.policy.words.words = vec!["casino".into()];
        config.policy.words.action = Action::Review;
        config.policy.bursts.copies = 1;
        config.policy.bursts.action = Action::Review;
    })
    .await;
    let (mut client, mut reader) = (node.client().await, node.client().await);
    reader.subscribe("live", &[json!({"limit": 0})]).await;
    let text = "In our casino everybody wins, every day and every night, come and see";
    let (word, both) = (note(1, 2, text), note(2, 1, text));
    for event in [&word, &both, &note(3, 0, "nothing wrong with it")] {
        client.store(event).await;
        assert_eq!(reader.live("live").await["id"], id(event));
    }
    let queue = reviewed(&node, 2).await;
    let reason = |event: &Event| {
        let entry = queue.iter().find(|(entry, _)| *entry == id(event));
        entry.map(|(_, reason)| reason.as_str()).unwrap()
    };
    assert_eq!(queue.len(), 2);
    assert_eq!(reason(&word), "contains a word or an address of the list");
    assert!(reason(&both).contains("word") && reason(&both).contains("same text"));
}

/// A list of relays for messages (NIP-17).
fn message_relays(author: u8, ago: u64, relays: &[&str]) -> Event {
    let bare = event(10_050, now() - ago);
    let listed = relays
        .iter()
        .fold(bare, |list, url| list.tag(["relay", *url]));
    listed.sign(&key(author))
}

fn listed(config: &mut Config) {
    config.urls = vec!["wss://relay.example.com".into()];
    config.policy.recipients.who = WhoReceives::Listed;
}

async fn r2_2_gift_wraps_to_those_who_list_the_relay(engine: Engine) {
    let node = with(engine, listed).await;
    let mut client = node.client().await;
    let restricted = "restricted: ";
    for kind in [1_059, 21_059] {
        is_refused(&mut client, &wrap(kind, 1), restricted).await;
    }
    let others = [
        "wss://other.example.com",
        "wss://relay.example.com.example.org",
    ];
    client.store(&message_relays(1, 20, &others)).await;
    is_refused(&mut client, &wrap(1_059, 1), restricted).await;
    // Somebody else's list is not the recipient's.
    client
        .store(&message_relays(2, 20, &["wss://relay.example.com"]))
        .await;
    is_refused(&mut client, &wrap(1_059, 1), restricted).await;
    client
        .store(&message_relays(
            1,
            10,
            &[others[0], "wss://RELAY.example.com:443/"],
        ))
        .await;
    for kind in [1_059, 21_059] {
        client.store(&wrap(kind, 1)).await;
        client.store(&wrap(kind, ADMIN)).await;
        is_refused(&mut client, &wrap(kind, 3), restricted).await;
    }
    client.store(&message_relays(1, 5, &others)).await;
    let later = event(1_059, now()).tag(["p", &public(1)]).content("later");
    is_refused(&mut client, &later.sign(&key(200)), restricted).await;
    let to_nobody = event(1_059, now()).sign(&key(200));
    is_refused(&mut client, &to_nobody, restricted).await;
    // Each recipient counts, as each may read it.
    client
        .store(&message_relays(5, 5, &["wss://relay.example.com"]))
        .await;
    let two = |first: u8, second: u8| {
        let wrap = event(1_059, now()).tag(["p", &public(first)]);
        wrap.tag(["p", &public(second)]).sign(&key(200))
    };
    client.store(&two(2, 5)).await;
    for wrap in [two(2, 3), two(3, 2), two(ADMIN, 3)] {
        is_refused(&mut client, &wrap, restricted).await;
    }
    // Other kinds have no such recipients.
    let mention = event(1, now()).tag(["p", &public(3)]).sign(&key(4));
    client.store(&mention).await;
    let mut nameless = without_rates();
    nameless.policy.recipients.who = WhoReceives::Listed;
    assert!(
        node.relay.reconfigure(nameless).is_err(),
        "without a URL that lists could name"
    );
}

async fn r2_2_gift_wraps_where_only_members_write(engine: Engine) {
    let members = |config: &mut Config| config.access.write = Who::Members;
    let node = with(engine, |config| {
        members(config);
        listed(config);
    })
    .await;
    put(
        &*node.store,
        &[message_relays(1, 9, &["wss://relay.example.com"])],
    )
    .await;
    let mut client = node.client().await;
    client.store(&wrap(1_059, 1)).await;
    client.store(&wrap(1_059, ADMIN)).await;
    is_refused(&mut client, &wrap(1_059, 2), "restricted: ").await;
    is_refused(
        &mut client,
        &note(1, 0, "a recipient is no member"),
        "restricted: ",
    )
    .await;
    for who in [WhoReceives::Anyone, WhoReceives::Members] {
        let node = with(engine, |config| {
            members(config);
            config.policy.recipients.who = who;
        })
        .await;
        let mut client = node.client().await;
        client.store(&wrap(1_059, ADMIN)).await;
        is_refused(&mut client, &wrap(1_059, 1), "restricted: ").await;
    }
}

async fn r4_2_addresses_at_other_domains(engine: Engine) {
    let node = with(engine, |config| {
        config.policy.nip05.domains = vec!["example.com".into()];
    })
    .await;
    let mut client = node.client().await;
    is_refused(&mut client, &note(1, 5, "no profile"), "restricted: ").await;
    // No web server is asked about any of these: none of them could let the author write.
    let addresses = [
        "me@other.example.org",
        "me@sub.example.com",
        "me@example.com.example.org",
        "me@example.com@example.org",
        "example.com",
        "",
    ];
    for (ago, address) in (10..).zip(addresses) {
        let content = json!({"name": "me", "nip05": address}).to_string();
        let profile = event(0, now() - 100 + ago).content(content);
        client.store(&profile.sign(&key(1))).await;
        let begun = std::time::Instant::now();
        is_refused(&mut client, &note(1, 5, address), "restricted: ").await;
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(9),
            "{address:?} was asked for"
        );
    }
    let relays = event(10_002, now()).tag(["r", "wss://relay.example.com"]);
    client.store(&relays.sign(&key(1))).await;
    client.store(&note(ADMIN, 5, "a member")).await;
    client.store(&wrap(1_059, 1)).await;
}

/// An event with the signature of another.
fn forged(kind: u16, content: &str) -> String {
    let event = |author: u8| event(kind, now()).content(content).sign(&key(author));
    let mut forged: Value = serde_json::from_str(&text(&event(1))).unwrap();
    forged["sig"] = event(2).sig().to_string().into();
    forged.to_string()
}

async fn r1_3_the_rules_come_before_the_signature(engine: Engine) {
    let node = with(engine, |config| {
        config.policy.kinds.deny = [7].into();
        config.policy.words.words = vec!["casino".into()];
    })
    .await;
    let mut client = node.client().await;
    for (kind, content, reason) in [
        (7, "+", "blocked: "),
        (1, "casino", "blocked: "),
        (1, "anything else", "invalid: "),
    ] {
        let (accepted, said) = client.publish_text(&forged(kind, content)).await;
        assert!(!accepted && said.starts_with(reason), "{kind}: {said}");
    }
}

async fn r1_3_the_rules_come_before_what_is_stored(engine: Engine) {
    let node = with(engine, |_| {}).await;
    let mut client = node.client().await;
    let reaction = event(7, now()).content("+").sign(&key(1));
    client.store(&reaction).await;
    let mut config = without_rates();
    config.policy.kinds.deny = [7].into();
    node.relay.reconfigure(config).unwrap();
    is_refused(&mut client, &reaction, "blocked: ").await;
    let stored = client.query(json!({"ids": [id(&reaction)]})).await;
    assert_eq!(stored.events.len(), 1, "what is stored stays");
    node.relay.reconfigure(without_rates()).unwrap();
    let (accepted, reason) = client.publish(&reaction).await;
    assert!(accepted && reason.starts_with("duplicate: "), "{reason}");
}
