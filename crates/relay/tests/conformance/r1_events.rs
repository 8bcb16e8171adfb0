//! R1.1 to R1.4, R1.10, R1.12: what becomes of an EVENT.

use serde_json::{Value, json};

use crate::harness::*;

over_both_engines! {
    r1_1_malformed_events_are_refused_with_a_reason,
    r1_1_a_flood_of_nonsense_ends_the_connection,
    r1_1_unknown_fields_are_not_stored_and_nul_round_trips,
    r1_1_canonical_text_is_served_as_it_was_signed,
    r1_2_a_wrong_id_is_refused,
    r1_3_stored_duplicate_superseded,
    r1_3_a_wrong_signature_is_refused,
    r1_3_many_events_at_once_are_all_answered,
    r1_3_ephemeral_events_pass_by,
    r1_4_the_newest_version_counts,
    r1_4_the_lowest_id_counts_in_one_second,
    r1_4_addressable_events_by_their_d_tag,
    r1_10_expired_events,
    r1_12_protected_events,
    r1_12_reposts_of_protected_events,
}

/// The event as JSON with one field changed.
fn with(event: &stentor_event::Event, field: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_str(&text(event)).unwrap();
    json[field] = value;
    json.to_string()
}

async fn r1_1_malformed_events_are_refused_with_a_reason(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let good = note(1, 0, "x");
    let cases = [
        ("pubkey", json!(public(1).to_uppercase())),
        ("pubkey", json!("12")),
        ("created_at", json!(-1)),
        ("created_at", json!(1.5)),
        ("created_at", json!("1")),
        ("created_at", json!(9_223_372_036_854_775_808_u64)),
        ("kind", json!(65_536)),
        ("kind", json!(null)),
        ("tags", json!([[]])),
        ("tags", json!([["a", null]])),
        ("tags", json!([["a", 1]])),
        ("tags", json!({})),
        ("content", json!(1)),
        ("sig", json!("00")),
    ];
    for (field, value) in cases {
        let (accepted, reason) = client
            .publish_text(&with(&good, field, value.clone()))
            .await;
        assert!(
            !accepted && reason.starts_with("invalid: "),
            "{field} = {value}: {reason}"
        );
    }
    let json = text(&good);
    for broken in [
        json.replace(r#""kind":1"#, r#""kind":1,"kind":1"#),
        json.replace(r#""kind":1"#, r#""kind":1e0"#),
        json.replace(r#""content":"x""#, r#""content":"\ud800""#),
        json.replace(r#","kind":1"#, ""),
    ] {
        let id = id(&good);
        client.send(format!("[\"EVENT\",{broken}]")).await;
        let answer = client.next().await;
        assert_eq!(
            (&answer[0], &answer[1], &answer[2]),
            (&json!("OK"), &json!(id), &json!(false)),
            "{broken}"
        );
        assert!(answer[3].as_str().unwrap().starts_with("invalid: "));
    }
    for unreadable in [
        "{",
        "[]",
        "[1]",
        "\"EVENT\"",
        "[\"EVENT\"]",
        "[\"EVENT\",{}]",
        "[\"EVENT\",1]",
    ] {
        client.send(unreadable).await;
        assert_eq!(client.next().await[0], "NOTICE", "{unreadable}");
    }
    client.store(&good).await;
}

async fn r1_1_a_flood_of_nonsense_ends_the_connection(engine: Engine) {
    let mut config = without_rates();
    config.rates.events.connection = 20;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    client.send_all((0..50).map(|_| "[]".to_owned())).await;
    assert_eq!(client.closing().await.0, 1008);
    node.client()
        .await
        .store(&note(1, 0, "others are served"))
        .await;
}

async fn r1_1_unknown_fields_are_not_stored_and_nul_round_trips(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let event = event(1, now())
        .content("a\0b")
        .tag(["t", "x\0y"])
        .sign(&key(1));
    let more = text(&event).replacen('{', r#"{"seen_on":["wss://x"],"#, 1);
    assert_eq!(client.publish_text(&more).await, (true, String::new()));
    let answer = client.query(json!({"ids": [id(&event)]})).await;
    let served = answer.events[0].as_object().unwrap();
    assert_eq!(served.len(), 7);
    assert_eq!(served["content"], "a\0b");
    assert_eq!(served["tags"][0][1], "x\0y");
    assert_eq!(
        client.query(json!({"#t": ["x\0y"]})).await.ids(),
        [id(&event)]
    );
}

async fn r1_1_canonical_text_is_served_as_it_was_signed(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let event = event(1, now())
        .content("\u{1}é😀\"\\\n/")
        .tag(["e"])
        .tag(["alt", "a", "", "b"])
        .sign(&key(1));
    client.store(&event).await;
    let served = &client.query(json!({"ids": [id(&event)]})).await.events[0];
    assert_eq!(
        *served,
        serde_json::from_str::<Value>(&text(&event)).unwrap()
    );
}

async fn r1_2_a_wrong_id_is_refused(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let (accepted, reason) = client
        .publish_text(&with(&note(1, 0, "x"), "content", json!("y")))
        .await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
}

async fn r1_3_stored_duplicate_superseded(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let mut follower = node.client().await;
    follower.subscribe("all", &[json!({})]).await;
    let (old, new) = (
        event(0, now() - 9).sign(&key(1)),
        event(0, now()).sign(&key(1)),
    );
    client.store(&new).await;
    assert_eq!(
        client.publish(&new).await,
        (true, "duplicate: already have this event".into())
    );
    assert_eq!(
        client.publish(&old).await,
        (false, "duplicate: a newer version is stored".into())
    );
    let last = note(2, 0, "last");
    client.store(&last).await;
    assert_eq!(follower.live("all").await["id"], id(&new));
    assert_eq!(
        follower.live("all").await["id"],
        id(&last),
        "neither a duplicate nor a superseded version is passed on"
    );
    assert_eq!(client.query(json!({"kinds": [0]})).await.ids(), [id(&new)]);
}

async fn r1_3_a_wrong_signature_is_refused(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let good = note(1, 0, "x");
    let other = note(1, 0, "y");
    let (accepted, reason) = client
        .publish_text(&with(&good, "sig", json!(other.sig().to_string())))
        .await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    client.store(&good).await;
}

async fn r1_3_many_events_at_once_are_all_answered(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let events: Vec<_> = (0..300)
        .map(|number| note(1, 300 - number, &number.to_string()))
        .collect();
    client
        .send_all(
            events
                .iter()
                .map(|event| format!("[\"EVENT\",{}]", text(event))),
        )
        .await;
    let mut answered: Vec<String> = Vec::new();
    for _ in &events {
        let answer = client.next().await;
        assert_eq!(
            (&answer[0], &answer[2], &answer[3]),
            (&json!("OK"), &json!(true), &json!(""))
        );
        answered.push(answer[1].as_str().unwrap().to_owned());
    }
    let mut sent: Vec<String> = events.iter().map(id).collect();
    sent.sort();
    answered.sort();
    assert_eq!(answered, sent);
    assert_eq!(
        client.count(&[json!({})]).await["count"],
        300,
        "an OK means that the event is there"
    );
}

async fn r1_3_ephemeral_events_pass_by(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client
        .subscribe("passing", &[json!({"kinds": [20_001]})])
        .await;
    let passing = event(20_001, now()).sign(&key(1));
    client.store(&passing).await;
    assert_eq!(client.live("passing").await["id"], id(&passing));
    assert!(
        client
            .query(json!({"kinds": [20_001]}))
            .await
            .events
            .is_empty()
    );
}

async fn r1_4_the_newest_version_counts(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let start = now() - 100;
    for kind in [0, 3, 10_002] {
        let versions: Vec<_> = (0..4)
            .map(|version| event(kind, start + version).sign(&key(1)))
            .collect();
        for version in &versions {
            client.store(version).await;
        }
        let newest = &versions[3];
        assert_eq!(
            client.query(json!({"kinds": [kind]})).await.ids(),
            [id(newest)]
        );
        assert!(
            client
                .query(json!({"ids": [id(&versions[0])]}))
                .await
                .events
                .is_empty()
        );
        assert_eq!(
            client
                .count(&[json!({"kinds": [kind], "authors": [public(1)]})])
                .await["count"],
            1
        );
    }
}

async fn r1_4_the_lowest_id_counts_in_one_second(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let at = now();
    let mut versions: Vec<_> = (0..6)
        .map(|version| event(0, at).content(version.to_string()).sign(&key(1)))
        .collect();
    for version in &versions {
        client.publish(version).await;
    }
    versions.sort_by_key(stentor_event::Event::id);
    assert_eq!(
        client.query(json!({"kinds": [0]})).await.ids(),
        [id(&versions[0])]
    );
    assert!(!client.publish(&versions[1]).await.0);
}

async fn r1_4_addressable_events_by_their_d_tag(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let at = now() - 50;
    let without = event(30_023, at).sign(&key(1));
    let empty = event(30_023, at + 1).tag(["d", ""]).sign(&key(1));
    let bare = event(30_023, at + 2).tag(["d"]).sign(&key(1));
    let other = event(30_023, at).tag(["d", "x"]).sign(&key(1));
    let strangers = event(30_023, at).tag(["d", "x"]).sign(&key(2));
    for event in [&without, &empty, &bare, &other, &strangers] {
        client.store(event).await;
    }
    let mut found = client.query(json!({"kinds": [30_023]})).await.ids();
    let mut expected = vec![id(&bare), id(&other), id(&strangers)];
    found.sort();
    expected.sort();
    assert_eq!(
        found, expected,
        "no d tag, an empty one and one without a value are the same"
    );
}

async fn r1_10_expired_events(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let expiring = |at: u64| {
        event(1, now() - 5)
            .tag(["expiration", &at.to_string()])
            .sign(&key(1))
    };
    let (accepted, reason) = client.publish(&expiring(now() - 1)).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    let soon = now() + 2;
    let brief = expiring(soon);
    client.store(&brief).await;
    client.store(&expiring(now() + 1_000)).await;
    let all = json!({"kinds": [1]});
    assert_eq!(client.query(all.clone()).await.events.len(), 2);
    loop {
        let asked = now();
        let found = client.query(all.clone()).await.events.len();
        if asked > soon {
            assert_eq!(found, 1, "never served once expired, purged or not");
            break;
        }
    }
    assert_eq!(client.count(std::slice::from_ref(&all)).await["count"], 1);
    assert!(
        client
            .query(json!({"ids": [id(&brief)]}))
            .await
            .events
            .is_empty()
    );
    assert_eq!(node.purge(now()).await, 1);
    assert_eq!(client.query(all).await.events.len(), 1);
}

async fn r1_12_protected_events(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let protected = event(1, now()).tag(["-"]).sign(&key(1));
    let (accepted, reason) = client.publish(&protected).await;
    assert!(
        !accepted && reason.starts_with("auth-required: "),
        "{reason}"
    );
    assert!(client.authenticate(&key(2)).await.0);
    let (accepted, reason) = client.publish(&protected).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
    assert!(client.authenticate(&key(1)).await.0);
    client.store(&protected).await;
    assert_eq!(
        node.client()
            .await
            .query(json!({"ids": [id(&protected)]}))
            .await
            .events
            .len(),
        1
    );
}

async fn r1_12_reposts_of_protected_events(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let inner = event(1, now()).tag(["-"]).sign(&key(1));
    for kind in [6, 16] {
        let (accepted, reason) = client
            .publish(&event(kind, now()).content(text(&inner)).sign(&key(2)))
            .await;
        assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
        client
            .store(&event(kind, now()).tag(["e", &id(&inner)]).sign(&key(2)))
            .await;
    }
    client
        .store(
            &event(6, now())
                .content(text(&note(3, 0, "open")))
                .sign(&key(2)),
        )
        .await;
}
