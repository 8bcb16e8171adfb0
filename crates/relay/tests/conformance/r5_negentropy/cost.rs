//! What a large reconciliation costs others.

use serde_json::json;
use stentor_event::Event;

use super::initiator::*;
use crate::harness::*;

/// Over the embedded engine only: the naive one is not made for so many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_1_many_events_while_others_are_served() {
    let mut config = without_rates();
    config.queries.slice_rows = 256;
    let node = Node::with(Engine::Embedded, config).await;
    let mut client = node.client().await;
    let events = unsigned(30_000, 1_000_000);
    put(&*node.store, &events).await;
    let ours: Vec<&Event> = events
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 997 != 0)
        .map(|(_, event)| event)
        .collect();
    let missing: Vec<&Event> = events.iter().step_by(997).collect();
    // On one connection the messages are taken in turn, yet the small request does not wait for the large one.
    let first = Initiator::new(ours.iter().copied()).first();
    let open = json!(["NEG-OPEN", "large", {}, first]).to_string();
    client
        .send_all([open, json!(["REQ", "small", {"limit": 1}]).to_string()])
        .await;
    let about = |message: &serde_json::Value| message[0] == "EOSE" || message[0] == "NEG-MSG";
    assert_eq!(client.find(about).await[0], "EOSE");
    assert_eq!(client.find(about).await[0], "NEG-MSG");
    let learned = Initiator::new(ours.iter().copied())
        .reconcile(&mut client, json!({}))
        .await
        .unwrap();
    assert_eq!((learned.have.len(), learned.need), (0, ids(missing)));
}

/// A client that has used up what its queries may cost waits for its answers, and is not refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_5_rounds_wait_for_the_query_budget() {
    let mut config = without_rates();
    config.rates.rows = 20_000;
    config.rates.burst_seconds = 1;
    let node = Node::with(Engine::Embedded, config).await;
    let mut client = node.client().await;
    let events = unsigned(30_000, 1_000_000);
    put(&*node.store, &events).await;
    let begun = std::time::Instant::now();
    assert_eq!(
        relay_has(&mut client, json!({"limit": 10}))
            .await
            .unwrap()
            .len(),
        10
    );
    open(&mut client, "n", json!({})).await;
    client
        .send(json!(["NEG-MSG", "n", Initiator::new([]).first()]).to_string())
        .await;
    assert_eq!(neg(&mut client, "n").await[0], "NEG-MSG");
    // 30,010 rows and more, of which 20,000 may be had at once. Time of work is charged as well, so there are many rows.
    assert!(begun.elapsed().as_millis() > 400, "{:?}", begun.elapsed());
}
