//! R1.5, R1.13: deletion requests (NIP-09) and requests to vanish (NIP-62).

use serde_json::json;
use stentor_event::Event;

use crate::harness::*;

over_both_engines! {
    r1_5_an_author_deletes_by_id,
    r1_5_a_stranger_deletes_nothing,
    r1_5_addresses_are_deleted_up_to_the_request,
    r1_5_deletion_requests_stay,
    r1_5_the_recipient_deletes_a_gift_wrap,
    r1_13_vanish_removes_everything_up_to_then,
    r1_13_vanish_elsewhere_concerns_others,
    r1_13_vanish_passes_every_rule,
}

/// A deletion request with these tags.
fn deletion(author: u8, ago: u64, tags: &[[&str; 2]]) -> Event {
    tags.iter()
        .fold(event(5, now() - ago), |builder, tag| builder.tag(*tag))
        .sign(&key(author))
}

/// Whether the event is served.
async fn is_served(client: &mut Client, event: &Event) -> bool {
    !client
        .query(json!({"ids": [id(event)]}))
        .await
        .events
        .is_empty()
}

async fn r1_5_an_author_deletes_by_id(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let (one, two) = (note(1, 50, "one"), note(1, 50, "two"));
    client.store(&one).await;
    let request = deletion(1, 0, &[["e", &id(&one)], ["e", &id(&two)]]);
    client.store(&request).await;
    assert!(!is_served(&mut client, &one).await);
    for event in [&one, &two] {
        let (accepted, reason) = client.publish(event).await;
        assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
    }
    assert!(is_served(&mut client, &request).await);
    assert_eq!(client.count(&[json!({"kinds": [1]})]).await["count"], 0);
}

async fn r1_5_a_stranger_deletes_nothing(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let (known, unseen) = (note(1, 50, "known"), note(1, 50, "unseen"));
    client.store(&known).await;
    let address = format!("30023:{}:x", public(1));
    let article = event(30_023, now() - 50).tag(["d", "x"]).sign(&key(1));
    client.store(&article).await;
    client
        .store(&deletion(
            2,
            0,
            &[["e", &id(&known)], ["e", &id(&unseen)], ["a", &address]],
        ))
        .await;
    assert!(is_served(&mut client, &known).await);
    assert!(is_served(&mut client, &article).await);
    client.store(&unseen).await;
}

async fn r1_5_addresses_are_deleted_up_to_the_request(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let article = |ago: u64| {
        event(30_023, now() - ago)
            .tag(["d", "x"])
            .content(ago.to_string())
            .sign(&key(1))
    };
    let profile = event(0, now() - 100).sign(&key(1));
    let (old, new) = (article(100), article(10));
    client.store(&old).await;
    client.store(&profile).await;
    let addresses = [
        format!("30023:{}:x", public(1)),
        format!("0:{}:", public(1)),
    ];
    client
        .store(&deletion(
            1,
            50,
            &[["a", &addresses[0]], ["a", &addresses[1]]],
        ))
        .await;
    assert!(!is_served(&mut client, &old).await);
    assert!(!is_served(&mut client, &profile).await);
    let (accepted, reason) = client.publish(&article(60)).await;
    assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
    client.store(&new).await;
    assert!(is_served(&mut client, &new).await);
}

async fn r1_5_deletion_requests_stay(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let target = note(1, 50, "x");
    client.store(&target).await;
    let request = deletion(1, 20, &[["e", &id(&target)]]);
    client.store(&request).await;
    client.store(&deletion(1, 0, &[["e", &id(&request)]])).await;
    assert!(is_served(&mut client, &request).await);
    assert!(!client.publish(&target).await.0);
}

async fn r1_5_the_recipient_deletes_a_gift_wrap(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.authenticate(&key(2)).await;
    let wrap = |text: &str| {
        event(1059, now() - 50)
            .tag(["p", &public(2)])
            .content(text)
            .sign(&key(77))
    };
    let (there, coming) = (wrap("there"), wrap("coming"));
    client.store(&there).await;
    assert!(is_served(&mut client, &there).await);
    client
        .store(&deletion(2, 0, &[["e", &id(&there)], ["e", &id(&coming)]]))
        .await;
    assert!(!is_served(&mut client, &there).await);
    let (accepted, reason) = client.publish(&coming).await;
    assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
}

async fn r1_13_vanish_removes_everything_up_to_then(engine: Engine) {
    let node = Node::start(engine).await;
    for (author, relay) in [
        (1, "ALL_RELAYS".to_owned()),
        (2, node.url()),
        (3, format!("{}/", node.url().to_uppercase())),
    ] {
        let mut client = node.client().await;
        client.authenticate(&key(author)).await;
        let (old, other) = (note(author, 50, "old"), note(9, 50, "other"));
        let request_to_delete = deletion(author, 40, &[["e", &id(&other)]]);
        let wrap = event(1059, now() - 50)
            .tag(["p", &public(author)])
            .sign(&key(70 + author));
        for event in [&old, &request_to_delete, &wrap] {
            client.store(event).await;
        }
        client.publish(&other).await;
        let vanish = event(62, now() - 10)
            .tag(["relay", &relay])
            .sign(&key(author));
        client.store(&vanish).await;
        for event in [&old, &request_to_delete, &wrap] {
            assert!(!is_served(&mut client, event).await, "{relay}");
            let (accepted, reason) = client.publish(event).await;
            assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
        }
        assert!(is_served(&mut client, &other).await);
        assert!(is_served(&mut client, &vanish).await, "the request is kept");
        client.store(&note(author, 0, "a new beginning")).await;
    }
}

async fn r1_13_vanish_elsewhere_concerns_others(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let old = note(1, 50, "old");
    client.store(&old).await;
    client
        .publish(
            &event(62, now())
                .tag(["relay", "wss://elsewhere.example.com"])
                .sign(&key(1)),
        )
        .await;
    assert!(is_served(&mut client, &old).await);
    let (accepted, reason) = client.publish(&event(62, now()).sign(&key(1))).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
}

async fn r1_13_vanish_passes_every_rule(engine: Engine) {
    let mut config = without_rates();
    config.policy.time.behind_seconds = 100;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    assert!(!client.publish(&note(1, 1_000, "too old")).await.0);
    client
        .store(
            &event(62, now() - 1_000)
                .tag(["relay", "ALL_RELAYS"])
                .sign(&key(1)),
        )
        .await;
}
