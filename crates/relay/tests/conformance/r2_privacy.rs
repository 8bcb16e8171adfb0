//! R2.1: private kinds are shown to their parties only, judged on each event.

use serde_json::{Value, json};
use stentor_event::Event;

use crate::harness::*;

over_both_engines! {
    r2_1_only_private_kinds_ask_for_authentication,
    r2_1_no_key_that_can_be_a_party,
    r2_1_stored_events_are_judged_one_by_one,
    r2_1_live_events_are_judged_with_the_keys_of_the_moment,
    r2_1_counts_and_hints_tell_nothing,
    r2_1_group_messages_need_an_h_filter,
    r2_1_configured_kinds,
}

/// A gift wrap to somebody.
fn wrap(to: u8, text: &str) -> Event {
    event(1059, now())
        .tag(["p", &public(to)])
        .content(text)
        .sign(&key(200))
}

async fn r2_1_only_private_kinds_ask_for_authentication(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for kinds in [json!([4]), json!([1059]), json!([21_059]), json!([4, 1059])] {
        for verb in ["REQ", "COUNT"] {
            let reason = client
                .refused(verb, &[json!({"kinds": kinds, "#p": [public(1)]})])
                .await;
            assert!(reason.starts_with("auth-required: "), "{reason}");
        }
    }
    let mixed = client
        .subscribe("mixed", &[json!({"kinds": [4]}), json!({"kinds": [1]})])
        .await;
    assert!(mixed.events.is_empty(), "left out in silence");
}

async fn r2_1_no_key_that_can_be_a_party(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.authenticate(&key(3)).await;
    for filter in [
        json!({"kinds": [1059], "#p": [public(1)]}),
        json!({"kinds": [4], "#p": [public(1)], "authors": [public(2)]}),
    ] {
        for verb in ["REQ", "COUNT"] {
            let reason = client.refused(verb, std::slice::from_ref(&filter)).await;
            assert!(reason.starts_with("restricted: "), "{reason}");
        }
    }
    client
        .subscribe("mine", &[json!({"kinds": [1059], "#p": [public(3)]})])
        .await;
}

async fn r2_1_stored_events_are_judged_one_by_one(engine: Engine) {
    let node = Node::start(engine).await;
    let mut writer = node.client().await;
    let (mine, others) = (wrap(1, "mine"), wrap(2, "others"));
    let sent = event(4, now()).tag(["p", &public(2)]).sign(&key(1));
    for event in [&mine, &others, &sent] {
        writer.store(event).await;
    }
    let asking = [
        json!({}),
        json!({"#p": [public(1), public(2)]}),
        json!({"ids": [id(&mine), id(&others), id(&sent)]}),
        json!({"kinds": [1059, 4, 1]}),
    ];
    for filter in &asking {
        assert!(
            writer.query(filter.clone()).await.events.is_empty(),
            "{filter}"
        );
    }
    let mut client = node.client().await;
    client.authenticate(&key(1)).await;
    for filter in asking {
        let mut found = client.query(filter.clone()).await.ids();
        found.sort();
        let mut expected = vec![id(&mine), id(&sent)];
        expected.sort();
        assert_eq!(
            found, expected,
            "{filter}: never another's, whatever the filter names"
        );
    }
}

async fn r2_1_live_events_are_judged_with_the_keys_of_the_moment(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    reader.subscribe("all", &[json!({"limit": 0})]).await;
    writer.store(&wrap(1, "before")).await;
    reader.settle().await;
    assert!(reader.authenticate(&key(1)).await.0);
    let (mine, ephemeral) = (
        wrap(1, "after"),
        event(21_059, now()).tag(["p", &public(1)]).sign(&key(200)),
    );
    for event in [&wrap(2, "others"), &mine, &ephemeral] {
        writer.store(event).await;
    }
    assert_eq!(reader.live("all").await["id"], id(&mine));
    assert_eq!(reader.live("all").await["id"], id(&ephemeral));
    assert!(reader.silent("all").await);
}

async fn r2_1_counts_and_hints_tell_nothing(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let target = note(9, 100, "popular");
    for number in 0..5 {
        client.store(&wrap(2, &number.to_string())).await;
    }
    client
        .store(
            &event(4, now())
                .tag(["e", &id(&target)])
                .tag(["p", &public(2)])
                .sign(&key(3)),
        )
        .await;
    let with_others = json!({"#p": [public(2)], "limit": 1});
    let answer = client.query(with_others.clone()).await;
    assert_eq!(
        (answer.events.len(), answer.hint()),
        (0, Some("finish")),
        "nothing more that this viewer may see"
    );
    let zero: String = "00".repeat(256);
    assert_eq!(
        client.count(&[json!({"#e": [id(&target)]})]).await,
        json!({"count": 0, "hll": zero})
    );
    assert_eq!(
        client.count(&[json!({"#p": [public(2)]})]).await["count"],
        0
    );
    client.authenticate(&key(2)).await;
    assert_eq!(
        client.count(&[json!({"#p": [public(2)]})]).await["count"],
        6
    );
    assert_eq!(client.query(with_others).await.hint(), Some("more"));
}

async fn r2_1_group_messages_need_an_h_filter(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    let group = "ab".repeat(32);
    reader
        .subscribe("without", &[json!({"kinds": [445]})])
        .await;
    reader.subscribe("with", &[json!({"#h": [group]})]).await;
    let message = event(445, now()).tag(["h", &group]).sign(&key(1));
    writer.store(&message).await;
    assert_eq!(reader.live("with").await["id"], id(&message));
    assert!(reader.silent("without").await);
    for filter in [
        json!({"kinds": [445]}),
        json!({"ids": [id(&message)]}),
        json!({}),
    ] {
        assert!(
            writer.query(filter.clone()).await.events.is_empty(),
            "{filter}"
        );
        assert_eq!(
            writer.count(std::slice::from_ref(&filter)).await["count"],
            0
        );
    }
    assert_eq!(
        writer
            .query(json!({"kinds": [445], "#h": [group]}))
            .await
            .events
            .len(),
        1
    );
}

async fn r2_1_configured_kinds(engine: Engine) {
    let mut config = without_rates();
    config.privacy.kinds = vec![5_555];
    let node = Node::with(engine, config).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    let secret = event(5_555, now()).tag(["p", &public(1)]).sign(&key(2));
    reader.subscribe("all", &[json!({"limit": 0})]).await;
    writer.store(&secret).await;
    assert!(reader.silent("all").await);
    assert!(
        reader
            .refused("REQ", &[json!({"kinds": [5_555]})])
            .await
            .starts_with("auth-required: ")
    );
    assert!(reader.query(json!({})).await.events.is_empty());
    reader.authenticate(&key(1)).await;
    let found: Vec<Value> = reader.query(json!({})).await.events;
    assert_eq!(found.len(), 1);
}
