//! R1.7 and what NIP-01 says of subscriptions: replacing, closing, and the step from stored to live.

use std::collections::HashMap;

use serde_json::json;

use crate::harness::*;

over_both_engines! {
    r1_7_live_events_follow_the_stored_ones,
    r1_7_no_gap_and_no_double_while_publishing,
    r1_7_a_used_id_replaces_the_subscription,
    r1_7_replacing_while_publishing_loses_nothing,
    r1_7_close_ends_a_subscription,
    r1_7_a_refused_request_ends_the_subscription_of_its_name,
    r1_7_subscriptions_of_connections_are_apart,
}

async fn r1_7_live_events_follow_the_stored_ones(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    let stored = note(1, 10, "stored");
    writer.store(&stored).await;
    let answer = reader
        .subscribe(
            "s",
            &[json!({"kinds": [1]}), json!({"authors": [public(2)]})],
        )
        .await;
    assert_eq!(answer.ids(), [id(&stored)]);
    let (old, other, new) = (
        note(1, 5_000, "old"),
        event(9, now()).sign(&key(1)),
        note(2, 0, "both filters match"),
    );
    for event in [&old, &other, &new] {
        writer.store(event).await;
    }
    assert_eq!(
        reader.live("s").await["id"],
        id(&old),
        "live is what arrives now, whenever it was made"
    );
    assert_eq!(reader.live("s").await["id"], id(&new));
    assert!(reader.silent("s").await);
}

/// Publishes notes from one connection while others subscribe again and again: each sees every event exactly once.
async fn r1_7_no_gap_and_no_double_while_publishing(engine: Engine) {
    let mut config = without_rates();
    config.limits.limit = 0;
    let node = Node::with(engine, config).await;
    let events: Vec<_> = (0..600)
        .map(|number| note(1, 600 - number, &number.to_string()))
        .collect();
    let mut writer = node.client().await;
    let mut readers = Vec::new();
    for chunk in events.chunks(40) {
        writer
            .send_all(
                chunk
                    .iter()
                    .map(|event| format!("[\"EVENT\",{}]", text(event))),
            )
            .await;
        let mut reader = node.client().await;
        reader
            .send(request("REQ", "all", &[json!({"kinds": [1]})]))
            .await;
        readers.push(reader);
    }
    for event in &events {
        let id = id(event);
        writer
            .find(|message| message[0] == "OK" && message[1] == id.as_str())
            .await;
    }
    for mut reader in readers {
        let mut seen: HashMap<String, u32> = HashMap::new();
        let mut eose = 0;
        while seen.len() < events.len() || eose == 0 {
            let message = reader.next().await;
            match message[0].as_str().unwrap() {
                "EVENT" => {
                    *seen
                        .entry(message[2]["id"].as_str().unwrap().to_owned())
                        .or_default() += 1
                }
                "EOSE" => eose += 1,
                other => panic!("{other}"),
            }
        }
        assert!(reader.silent("all").await);
        assert!(seen.values().all(|times| *times == 1));
    }
}

async fn r1_7_a_used_id_replaces_the_subscription(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    writer.store(&note(1, 9, "stored")).await;
    reader.subscribe("s", &[json!({"kinds": [1]})]).await;
    let answer = reader.subscribe("s", &[json!({"kinds": [7]})]).await;
    assert!(answer.events.is_empty());
    let (note, reaction) = (
        note(1, 0, "not asked for any more"),
        event(7, now()).sign(&key(1)),
    );
    writer.store(&note).await;
    writer.store(&reaction).await;
    assert_eq!(reader.live("s").await["id"], id(&reaction));
    assert!(reader.silent("s").await);
}

/// One connection replaces its subscription all the time while another publishes: after the last EOSE, nothing is missing of
/// what is stored and live, and nothing is there twice.
async fn r1_7_replacing_while_publishing_loses_nothing(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    let events: Vec<_> = (0..300)
        .map(|number| note(1, 300 - number, &number.to_string()))
        .collect();
    let mut requests = 0;
    for chunk in events.chunks(20) {
        writer
            .send_all(
                chunk
                    .iter()
                    .map(|event| format!("[\"EVENT\",{}]", text(event))),
            )
            .await;
        reader
            .send(request("REQ", "s", &[json!({"kinds": [1]})]))
            .await;
        requests += 1;
    }
    for event in &events {
        let id = id(event);
        writer
            .find(|message| message[0] == "OK" && message[1] == id.as_str())
            .await;
    }
    reader
        .send(request("REQ", "marker", &[json!({"limit": 0})]))
        .await;
    reader
        .find(|message| message[0] == "EOSE" && message[1] == "marker")
        .await;
    // What belongs to the last request: after a replaced one, at most one EOSE each has been sent.
    reader
        .send(request("REQ", "s", &[json!({"kinds": [1]})]))
        .await;
    requests += 1;
    let (mut since_last, mut eose) = (Vec::new(), 0);
    loop {
        let message = reader.find(|message| message[1] == "s").await;
        if message[0] == "EVENT" {
            since_last.push(message[2]["id"].as_str().unwrap().to_owned());
            continue;
        }
        eose += 1;
        if since_last.len() >= events.len()
            && since_last[since_last.len() - events.len()..]
                .iter()
                .collect::<std::collections::HashSet<_>>()
                .len()
                == events.len()
        {
            break;
        }
        assert!(
            eose < requests,
            "every request has been answered, and some event is missing"
        );
    }
}

async fn r1_7_close_ends_a_subscription(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    reader.subscribe("s", &[json!({})]).await;
    reader.subscribe("t", &[json!({})]).await;
    reader.send(r#"["CLOSE","s"]"#).await;
    reader.send(r#"["CLOSE","unknown"]"#).await;
    reader.settle().await;
    let new = note(1, 0, "x");
    writer.store(&new).await;
    assert_eq!(reader.live("t").await["id"], id(&new));
    assert!(reader.silent("s").await);
}

async fn r1_7_a_refused_request_ends_the_subscription_of_its_name(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for (number, refused) in [json!({"nonsense": 1}), json!({"kinds": [4]})]
        .into_iter()
        .enumerate()
    {
        client.subscribe("refused", &[json!({"limit": 0})]).await;
        client.refused("REQ", &[refused]).await;
        client.store(&note(1, 0, &number.to_string())).await;
        assert!(client.silent("refused").await);
    }
}

async fn r1_7_subscriptions_of_connections_are_apart(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut one, mut other) = (node.client().await, node.client().await);
    one.subscribe("s", &[json!({"kinds": [1]})]).await;
    other.subscribe("s", &[json!({"kinds": [7]})]).await;
    other.send(r#"["CLOSE","s"]"#).await;
    other.settle().await;
    let new = note(1, 0, "x");
    other.store(&new).await;
    assert_eq!(one.live("s").await["id"], id(&new));
    assert!(other.silent("s").await);
}
