//! R4.5: rates. What is too fast is refused with `rate-limited:`, and others are served.

use serde_json::json;

use crate::harness::*;

over_both_engines! {
    r4_5_events_of_a_connection,
    r4_5_events_of_an_address,
    r4_5_requests_counts_and_authentications,
    r4_5_bytes,
    r4_5_what_queries_cost,
    r4_5_zero_is_no_limit,
}

/// How many of so many events published at once are accepted; the others must be refused as too fast.
async fn accepted(client: &mut Client, author: u8, count: u64) -> usize {
    let events: Vec<_> = (0..count)
        .map(|number| note(author, number, &number.to_string()))
        .collect();
    client
        .send_all(
            events
                .iter()
                .map(|event| format!("[\"EVENT\",{}]", text(event))),
        )
        .await;
    let mut accepted = 0;
    for _ in &events {
        let answer = client.find(|message| message[0] == "OK").await;
        if answer[2] == true {
            accepted += 1;
        } else {
            assert!(
                answer[3].as_str().unwrap().starts_with("rate-limited: "),
                "{answer}"
            );
        }
    }
    accepted
}

async fn r4_5_events_of_a_connection(engine: Engine) {
    let mut config = without_rates();
    config.rates.events = stentor_relay::Config::default().rates.events;
    let node = Node::with(engine, config).await;
    let begun = std::time::Instant::now();
    let passed = accepted(&mut node.client().await, 1, 400).await;
    let most = 120 + (begun.elapsed().as_secs_f64() * 120.0).ceil() as usize;
    assert!(
        (120..=most.min(399)).contains(&passed),
        "{passed} of at most {most}"
    );
    assert!(
        accepted(&mut node.client().await, 2, 50).await == 50,
        "another connection has its own"
    );
}

async fn r4_5_events_of_an_address(engine: Engine) {
    let mut config = without_rates();
    config.rates.events.ip = 1;
    config.rates.burst_seconds = 30;
    let node = Node::with(engine, config).await;
    let first = accepted(&mut node.client().await, 1, 20).await;
    let second = accepted(&mut node.client().await, 2, 20).await;
    assert_eq!(first, 20);
    assert!((10..15).contains(&second), "{second}");
}

async fn r4_5_requests_counts_and_authentications(engine: Engine) {
    let mut config = without_rates();
    config.rates.burst_seconds = 5;
    (
        config.rates.reqs.connection,
        config.rates.counts.connection,
        config.rates.auths.connection,
    ) = (1, 1, 1);
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    for _ in 0..5 {
        client.query(json!({"limit": 0})).await;
        client.count(&[json!({})]).await;
        assert!(client.authenticate(&key(1)).await.0);
    }
    assert!(
        client
            .refused("REQ", &[json!({})])
            .await
            .starts_with("rate-limited: ")
    );
    assert!(
        client
            .refused("COUNT", &[json!({})])
            .await
            .starts_with("rate-limited: ")
    );
    let (accepted, reason) = client.authenticate(&key(1)).await;
    assert!(
        !accepted && reason.starts_with("rate-limited: "),
        "{reason}"
    );
}

async fn r4_5_bytes(engine: Engine) {
    let mut config = without_rates();
    config.rates.bytes.connection = 20_000;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    let large = |number: usize| {
        event(1, now())
            .content("x".repeat(9_000 + number))
            .sign(&key(1))
    };
    client.store(&large(0)).await;
    client.store(&large(1)).await;
    let (accepted, reason) = client.publish(&large(2)).await;
    assert!(
        !accepted && reason.starts_with("rate-limited: "),
        "{reason}"
    );
}

async fn r4_5_what_queries_cost(engine: Engine) {
    let mut config = without_rates();
    config.rates.rows = 20;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    for number in 0..100 {
        client.store(&note(1, number, &number.to_string())).await;
    }
    assert_eq!(
        client.query(json!({"kinds": [1]})).await.events.len(),
        100,
        "a query is charged afterwards"
    );
    let reason = client.refused("REQ", &[json!({"kinds": [1]})]).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
    assert_eq!(
        node.client()
            .await
            .query(json!({"kinds": [1], "limit": 5}))
            .await
            .events
            .len(),
        5
    );
}

async fn r4_5_zero_is_no_limit(engine: Engine) {
    let node = Node::start(engine).await;
    assert_eq!(accepted(&mut node.client().await, 1, 500).await, 500);
}
