//! The messages: names, errors, what is not a message.

use serde_json::{Value, json};

use super::initiator::*;
use crate::harness::*;

over_both_engines! {
    r5_1_a_used_id_replaces_the_reconciliation,
    r5_1_names_are_apart_from_those_of_subscriptions,
    r5_1_another_version_is_answered_with_ours,
    r5_1_what_is_no_message_ends_the_reconciliation,
    r5_1_messages_for_unknown_reconciliations,
    r5_1_a_message_before_the_answer,
    r5_1_a_search_cannot_be_reconciled,
    r5_1_switched_off,
}

async fn r5_1_a_used_id_replaces_the_reconciliation(engine: Engine) {
    let mut config = without_rates();
    config.negentropy.sessions = 1;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    let (one, two) = (note(1, 20, "one"), note(2, 10, "two"));
    put(&*node.store, &[one.clone(), two.clone()]).await;
    let by = |author| json!({"authors": [public(author)]});
    let first = open(&mut client, "n", by(1)).await;
    assert!(first[2].as_str().unwrap().contains(&id(&one)), "{first}");
    open(&mut client, "n", by(2)).await;
    client
        .send(json!(["NEG-MSG", "n", Initiator::new([]).first()]).to_string())
        .await;
    let answer = neg(&mut client, "n").await;
    let text = answer[2].as_str().unwrap();
    assert!(
        text.contains(&id(&two)) && !text.contains(&id(&one)),
        "{answer}"
    );
    // One that is refused has ended the old one too.
    client
        .send(json!(["NEG-OPEN", "n", {"kinds": [1059]}, Initiator::new([]).first()]).to_string())
        .await;
    assert!(
        neg_err(&mut client, "n")
            .await
            .starts_with("auth-required: ")
    );
    client
        .send(json!(["NEG-MSG", "n", Initiator::new([]).first()]).to_string())
        .await;
    assert!(neg_err(&mut client, "n").await.starts_with("closed: "));
}

async fn r5_1_names_are_apart_from_those_of_subscriptions(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut client, mut writer) = (node.client().await, node.client().await);
    client.subscribe("same", &[json!({"kinds": [1]})]).await;
    assert_eq!(open(&mut client, "same", json!({})).await[0], "NEG-MSG");
    client.send(r#"["NEG-CLOSE","same"]"#).await;
    client.settle().await;
    let event = note(1, 1, "live");
    writer.store(&event).await;
    assert_eq!(client.live("same").await["id"], id(&event));
    assert_eq!(open(&mut client, "same", json!({})).await[0], "NEG-MSG");
    client.send(r#"["CLOSE","same"]"#).await;
    client
        .send(json!(["NEG-MSG", "same", Initiator::new([]).first()]).to_string())
        .await;
    assert_eq!(neg(&mut client, "same").await[0], "NEG-MSG");
}

async fn r5_1_another_version_is_answered_with_ours(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    put(&*node.store, &unsigned(5, 1_000)).await;
    client.send(r#"["NEG-OPEN","n",{},"62001122"]"#).await;
    assert_eq!(neg(&mut client, "n").await, json!(["NEG-MSG", "n", "61"]));
    // The initiator may go on in our version.
    client
        .send(json!(["NEG-MSG", "n", Initiator::new([]).first()]).to_string())
        .await;
    assert!(neg(&mut client, "n").await[2].as_str().unwrap().len() > 5 * 64);
}

async fn r5_1_what_is_no_message_ends_the_reconciliation(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    put(&*node.store, &unsigned(50, 1_000)).await;
    // Not hexadecimal, half a byte, not text, nothing, no such version, an unfinished range, no such mode, a list of ids
    // that is said to be longer than anything, a bound longer than an id.
    let wrong = [
        json!("xy"),
        json!("610"),
        json!(7),
        json!(""),
        json!("10"),
        json!("610501"),
        json!("61000009"),
        json!("61000002c080808000"),
        json!("610021"),
    ];
    for message in wrong {
        client
            .send(json!(["NEG-OPEN", "n", {}, message]).to_string())
            .await;
        assert!(
            neg_err(&mut client, "n").await.starts_with("invalid: "),
            "{message}"
        );
        assert_eq!(open(&mut client, "n", json!({})).await[0], "NEG-MSG");
        client
            .send(json!(["NEG-MSG", "n", message]).to_string())
            .await;
        assert!(
            neg_err(&mut client, "n").await.starts_with("invalid: "),
            "{message}"
        );
        client
            .send(json!(["NEG-MSG", "n", Initiator::new([]).first()]).to_string())
            .await;
        assert!(
            neg_err(&mut client, "n").await.starts_with("closed: "),
            "{message}"
        );
    }
    client.send(r#"["NEG-OPEN","n",{"kinds":"x"},"61"]"#).await;
    assert!(neg_err(&mut client, "n").await.starts_with("invalid: "));
    for message in [
        json!(["NEG-OPEN"]),
        json!(["NEG-OPEN", 7, {}, "61"]),
        json!(["NEG-MSG"]),
    ] {
        client.send(message.to_string()).await;
        assert_eq!(client.next().await[0], "NOTICE", "{message}");
    }
    assert_eq!(relay_has(&mut client, json!({})).await.unwrap().len(), 50);
}

async fn r5_1_messages_for_unknown_reconciliations(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.send(r#"["NEG-MSG","never","61"]"#).await;
    assert!(neg_err(&mut client, "never").await.starts_with("closed: "));
    client.send(r#"["NEG-CLOSE","never"]"#).await;
    assert!(
        client.silent("never").await,
        "closing what is not there has no answer"
    );
    open(&mut client, "n", json!({})).await;
    client.send(r#"["NEG-CLOSE","n"]"#).await;
    client.send(r#"["NEG-MSG","n","61"]"#).await;
    assert!(neg_err(&mut client, "n").await.starts_with("closed: "));
}

async fn r5_1_a_message_before_the_answer(engine: Engine) {
    let mut config = without_rates();
    config.queries.slice_rows = 16;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    put(&*node.store, &unsigned(400, 1_000)).await;
    let first = Initiator::new([]).first();
    let open = json!(["NEG-OPEN", "n", {}, first]).to_string();
    let message = json!(["NEG-MSG", "n", first]).to_string();
    client.send_all([open, message]).await;
    let answer: Value = neg(&mut client, "n").await;
    if answer[0] == "NEG-ERR" {
        assert!(
            answer[2].as_str().unwrap().starts_with("invalid: "),
            "{answer}"
        );
    } else {
        // The two came so far apart that the first one was answered.
        assert_eq!(neg(&mut client, "n").await[0], "NEG-MSG");
    }
    assert_eq!(relay_has(&mut client, json!({})).await.unwrap().len(), 400);
}

async fn r5_1_a_search_cannot_be_reconciled(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let answer = open(&mut client, "n", json!({"search": "words"})).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("unsupported: "),
        "{answer}"
    );
}

async fn r5_1_switched_off(engine: Engine) {
    let mut config = without_rates();
    config.negentropy.enabled = false;
    let node = Node::with(engine, config.clone()).await;
    let mut client = node.client().await;
    let answer = open(&mut client, "n", json!({})).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("unsupported: "),
        "{answer}"
    );
    assert!(!advertised(&node).await.contains(&json!(77)));
    config.negentropy.enabled = true;
    node.relay.reconfigure(config).unwrap();
    assert!(advertised(&node).await.contains(&json!(77)));
    assert_eq!(open(&mut client, "n", json!({})).await[0], "NEG-MSG");
}

/// The NIPs that the relay says it supports.
async fn advertised(node: &Node) -> Vec<Value> {
    let answer = node
        .http("GET / HTTP/1.1\r\naccept: application/nostr+json")
        .await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let document: Value = serde_json::from_str(body).unwrap();
    document["supported_nips"].as_array().unwrap().clone()
}
