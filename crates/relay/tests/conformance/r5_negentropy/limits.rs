//! The limits on reconciliations.

use serde_json::json;
use stentor_relay::Config;

use super::initiator::*;
use crate::harness::*;

over_both_engines! {
    r5_1_a_query_that_is_too_big,
    r5_1_a_query_that_is_too_expensive,
    r5_1_reconciliations_of_one_connection,
    r5_1_reconciliations_of_the_node,
    r5_1_memory_of_the_node,
    r5_1_answers_keep_to_the_frame_size,
    r5_1_idle_reconciliations_are_swept,
    r5_1_opening_counts_as_a_req,
}

fn limited(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = without_rates();
    change(&mut config);
    config
}

async fn r5_1_a_query_that_is_too_big(engine: Engine) {
    let node = Node::with(engine, limited(|config| config.negentropy.records = 40)).await;
    let mut client = node.client().await;
    put(&*node.store, &unsigned(41, 1_000)).await;
    let answer = open(&mut client, "n", json!({})).await;
    assert_eq!(
        answer,
        json!(["NEG-ERR", "n", "blocked: this query is too big", 40])
    );
    assert_eq!(
        relay_has(&mut client, json!({"limit": 40}))
            .await
            .unwrap()
            .len(),
        40
    );
    assert_eq!(
        relay_has(&mut client, json!({"since": 1_001}))
            .await
            .unwrap()
            .len(),
        38
    );
}

async fn r5_1_a_query_that_is_too_expensive(engine: Engine) {
    let node = Node::with(engine, limited(|config| config.queries.rows = 100)).await;
    let mut client = node.client().await;
    put(&*node.store, &unsigned(150, 1_000)).await;
    let answer = open(&mut client, "n", json!({})).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("blocked: "),
        "{answer}"
    );
}

async fn r5_1_reconciliations_of_one_connection(engine: Engine) {
    let node = Node::with(engine, limited(|config| config.negentropy.sessions = 2)).await;
    let (mut client, mut other) = (node.client().await, node.client().await);
    for sub in ["one", "two"] {
        assert_eq!(open(&mut client, sub, json!({})).await[0], "NEG-MSG");
    }
    let answer = open(&mut client, "three", json!({})).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("rate-limited: "),
        "{answer}"
    );
    assert_eq!(open(&mut other, "three", json!({})).await[0], "NEG-MSG");
    client.send(r#"["NEG-CLOSE","one"]"#).await;
    assert_eq!(open(&mut client, "three", json!({})).await[0], "NEG-MSG");
}

async fn r5_1_reconciliations_of_the_node(engine: Engine) {
    let node = Node::with(
        engine,
        limited(|config| config.negentropy.sessions_node = 2),
    )
    .await;
    let (mut one, mut two) = (node.client().await, node.client().await);
    for client in [&mut one, &mut two] {
        assert_eq!(open(client, "n", json!({})).await[0], "NEG-MSG");
    }
    let answer = open(&mut two, "more", json!({})).await;
    assert!(
        answer[0] == "NEG-ERR" && answer[2].as_str().unwrap().starts_with("rate-limited: "),
        "{answer}"
    );
    drop(one);
    // What a connection leaves behind is given back when the relay notices its end.
    while open(&mut two, "more", json!({})).await[0] == "NEG-ERR" {}
}

async fn r5_1_memory_of_the_node(engine: Engine) {
    let events = unsigned(100, 1_000);
    // Room for three sets of 100 events of 40 bytes, and the messages.
    let room = |config: &mut Config| {
        config.negentropy.bytes_node = 3 * 4_000 + 500;
        config.negentropy.sessions = 100;
    };
    let node = Node::with(engine, limited(room)).await;
    put(&*node.store, &events).await;
    let mut clients = Vec::new();
    let (mut held, mut refused) = (0, 0);
    for _ in 0..8 {
        let mut client = node.client().await;
        let answer = open(&mut client, "n", json!({})).await;
        if answer[0] == "NEG-MSG" {
            held += 1;
        } else {
            assert!(
                answer[2].as_str().unwrap().starts_with("rate-limited: "),
                "{answer}"
            );
            refused += 1;
        }
        clients.push(client);
    }
    assert_eq!((held, refused), (3, 5));
    // Those who were refused hold nothing, and who closes makes room.
    clients[0].send(r#"["NEG-CLOSE","n"]"#).await;
    clients[0].settle().await;
    assert_eq!(open(&mut clients[7], "n", json!({})).await[0], "NEG-MSG");
    assert_eq!(open(&mut clients[6], "n", json!({})).await[0], "NEG-ERR");
    // Filters take room, even if they match nothing.
    let of_value = |bytes: usize| json!({"#t": ["x".repeat(bytes)]});
    let answer = open(&mut clients[6], "n", of_value(700)).await;
    assert_eq!(answer[0], "NEG-ERR", "{answer}");
    assert_eq!(open(&mut clients[6], "n", of_value(1)).await[0], "NEG-MSG");
}

async fn r5_1_answers_keep_to_the_frame_size(engine: Engine) {
    let node = Node::with(
        engine,
        limited(|config| config.negentropy.frame_bytes = 4_096),
    )
    .await;
    let mut client = node.client().await;
    let events = unsigned(500, 1_000);
    put(&*node.store, &events).await;
    let first = open(&mut client, "n", json!({})).await;
    let length = first[2].as_str().unwrap().len();
    assert!((4_096..=2 * 4_096).contains(&length), "{length} digits");
    assert_eq!(
        relay_has(&mut client, json!({})).await,
        Ok(ids(&events)),
        "in more rounds"
    );
}

async fn r5_1_idle_reconciliations_are_swept(engine: Engine) {
    let node = Node::with(engine, limited(|config| config.negentropy.idle_seconds = 1)).await;
    let mut client = node.client().await;
    put(&*node.store, &unsigned(5, 1_000)).await;
    for sub in ["one", "two"] {
        assert_eq!(open(&mut client, sub, json!({})).await[0], "NEG-MSG");
    }
    for sub in ["one", "two"] {
        assert!(
            neg_err(&mut client, sub)
                .await
                .starts_with("closed: no message for 1 second")
        );
    }
    client
        .send(json!(["NEG-MSG", "one", Initiator::new([]).first()]).to_string())
        .await;
    assert!(
        neg_err(&mut client, "one")
            .await
            .starts_with("closed: there is no")
    );
    assert_eq!(relay_has(&mut client, json!({})).await.unwrap().len(), 5);
}

async fn r5_1_opening_counts_as_a_req(engine: Engine) {
    let mut config = without_rates();
    config.rates.reqs.connection = 1;
    config.rates.burst_seconds = 1;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(open(&mut client, "n", json!({})).await);
    }
    assert_eq!(answers[0][0], "NEG-MSG");
    let refused = answers.iter().find(|answer| answer[0] == "NEG-ERR");
    let reason = refused.unwrap()[2].as_str().unwrap();
    assert!(reason.starts_with("rate-limited: "), "{reason}");
}
