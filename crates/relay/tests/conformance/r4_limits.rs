//! R4.5: sizes and numbers.

use serde_json::{Value, json};

use crate::harness::*;

over_both_engines! {
    r4_5_lists_in_filters,
    r4_5_events,
    r4_5_messages,
    r4_5_subscriptions,
    r4_5_values_of_a_connection,
    r4_5_connections,
    r4_5_unauthenticated_connections,
    r4_5_limits_change_while_running,
    r4_5_sizes_of_filters,
}

fn list(prefix: u8, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{prefix:02x}{number:062x}"))
        .collect()
}

async fn r4_5_lists_in_filters(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for (field, most) in [("ids", 1_000), ("authors", 1_000), ("#t", 256), ("#e", 256)] {
        assert!(
            client
                .query(json!({field: list(1, most)}))
                .await
                .events
                .is_empty()
        );
        let reason = client
            .refused("REQ", &[json!({field: list(1, most + 1)})])
            .await;
        assert!(reason.starts_with("invalid: "), "{field}: {reason}");
        assert!(
            client
                .refused("COUNT", &[json!({field: list(1, most + 1)})])
                .await
                .starts_with("invalid: ")
        );
    }
    let filters: Vec<Value> = (0..17).map(|kind| json!({"kinds": [kind]})).collect();
    client.subscribe("sixteen", &filters[..16]).await;
    assert!(
        client
            .refused("REQ", &filters)
            .await
            .starts_with("invalid: ")
    );
}

async fn r4_5_events(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let tags = |count: usize| {
        (0..count)
            .fold(event(1, now()), |builder, _| builder.tag(["x"]))
            .sign(&key(1))
    };
    client.store(&tags(4_000)).await;
    let (accepted, reason) = client.publish(&tags(4_001)).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    let sized = |bytes: usize| {
        let empty = text(&event(1, now()).sign(&key(1))).len();
        event(1, now())
            .content("x".repeat(bytes - empty))
            .sign(&key(1))
    };
    client.store(&sized(256 * 1024)).await;
    let (accepted, reason) = client.publish(&sized(256 * 1024 + 1)).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    client.store(&event(1, now() + 890).sign(&key(1))).await;
    client.store(&event(1, 0).sign(&key(1))).await;
    let (accepted, reason) = client.publish(&event(1, now() + 910).sign(&key(1))).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
}

async fn r4_5_messages(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let sized = |bytes: usize| format!("[\"CLOSE\",\"{}\"]", "x".repeat(bytes - 12));
    client.send(sized(512 * 1024)).await;
    assert_eq!(
        client.next().await[0],
        "NOTICE",
        "read, and found to be no subscription id"
    );
    client.send(sized(512 * 1024 + 1)).await;
    assert_eq!(client.closing().await.0, 1009);
}

async fn r4_5_subscriptions(engine: Engine) {
    let mut config = without_rates();
    config.limits.subscriptions_node = 40;
    let node = Node::with(engine, config).await;
    let (mut one, mut two) = (node.client().await, node.client().await);
    for number in 0..32 {
        one.subscribe(&format!("s{number}"), &[json!({"limit": 0})])
            .await;
    }
    assert!(
        one.refused("REQ", &[json!({"limit": 0})])
            .await
            .starts_with("rate-limited: ")
    );
    one.subscribe("s31", &[json!({"kinds": [1], "limit": 0})])
        .await;
    for number in 0..8 {
        two.subscribe(&format!("s{number}"), &[json!({"limit": 0})])
            .await;
    }
    assert!(
        two.refused("REQ", &[json!({"limit": 0})])
            .await
            .starts_with("rate-limited: "),
        "of the node"
    );
    one.send(r#"["CLOSE","s0"]"#).await;
    one.send(r#"["CLOSE","s1"]"#).await;
    one.subscribe("s0", &[json!({"limit": 0})]).await;
    two.subscribe("s8", &[json!({"limit": 0})]).await;
    drop(one);
    while node.relay.counts().1 > 9 {
        tokio::task::yield_now().await;
    }
    two.subscribe("s9", &[json!({"limit": 0})]).await;
}

async fn r4_5_values_of_a_connection(engine: Engine) {
    let mut config = without_rates();
    config.limits.values = 100;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    client
        .subscribe("a", &[json!({"authors": list(1, 60), "limit": 0})])
        .await;
    let reason = client.refused("REQ", &[json!({"ids": list(1, 41)})]).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
    client
        .subscribe("a", &[json!({"authors": list(1, 100), "limit": 0})])
        .await;
}

async fn r4_5_connections(engine: Engine) {
    let mut config = without_rates();
    (config.limits.connections, config.limits.connections_per_ip) = (3, 2);
    let node = Node::with(engine, config).await;
    let first = node.client().await;
    let second = node.client().await;
    assert_eq!(node.try_client().await.err(), Some(429));
    drop((first, second));
    while node.limits.open() > 0 {
        tokio::task::yield_now().await;
    }
    node.client().await;
}

async fn r4_5_unauthenticated_connections(engine: Engine) {
    let mut config = without_rates();
    config.limits.connections_unauthenticated = 2;
    let node = Node::with(engine, config).await;
    let (mut one, mut two) = (node.client().await, node.client().await);
    assert_eq!(node.try_client().await.err(), Some(503));
    assert!(one.authenticate(&key(1)).await.0);
    assert!(
        one.authenticate(&key(2)).await.0,
        "a second key does not count twice"
    );
    let three = node.client().await;
    assert_eq!(node.try_client().await.err(), Some(503));
    assert!(two.authenticate(&key(1)).await.0);
    drop(one);
    drop(three);
    while node.relay.counts().0 > 1 {
        tokio::task::yield_now().await;
    }
    let both = (node.client().await, node.client().await);
    assert_eq!(node.try_client().await.err(), Some(503));
    drop(both);
}

async fn r4_5_limits_change_while_running(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.subscribe("a", &[json!({"limit": 0})]).await;
    client.subscribe("b", &[json!({"limit": 0})]).await;
    let mut config = without_rates();
    config.limits.subscriptions = 2;
    config.limits.filters = 1;
    node.relay.reconfigure(config.clone()).unwrap();
    assert!(
        client
            .refused("REQ", &[json!({})])
            .await
            .starts_with("rate-limited: ")
    );
    assert!(
        client
            .refused("REQ", &[json!({}), json!({})])
            .await
            .starts_with("invalid: ")
    );
    config.limits.filters = 2_000;
    assert!(node.relay.reconfigure(config).is_err());
    assert!(
        client
            .refused("REQ", &[json!({}), json!({})])
            .await
            .starts_with("invalid: "),
        "the old ones stay in force"
    );
    let new = note(1, 0, "x");
    client.store(&new).await;
    assert_eq!(
        client.live("a").await["id"],
        id(&new),
        "no connection or subscription was dropped"
    );
}

async fn r4_5_sizes_of_filters(engine: Engine) {
    let mut config = without_rates();
    config.limits.values = 1_000;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    let kinds = |count: u16| json!({"kinds": (0..count).collect::<Vec<_>>(), "limit": 0});
    let value = |bytes: usize| json!({"#t": ["x".repeat(bytes)], "limit": 0});
    for verb in ["REQ", "COUNT"] {
        let search = json!({"search": "x".repeat(1_025)});
        for refused in [kinds(1_001), value(2_049), search] {
            let reason = client.refused(verb, &[refused]).await;
            assert!(reason.starts_with("invalid: more than "), "{reason}");
        }
    }
    // Kinds count, and so do the bytes of values: 64 for each of these.
    client.subscribe("a", &[kinds(1_000)]).await;
    let reason = client.refused("REQ", &[value(1)]).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
    let long: Vec<String> = (0..15)
        .map(|n| format!("{n:x}{}", "y".repeat(2_047)))
        .collect();
    client
        .subscribe("a", &[json!({"#t": long, "limit": 0})])
        .await;
    let reason = client.refused("REQ", &[value(2_048)]).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
    client.subscribe("b", &[value(32 * 40)]).await;
    let long = json!({"#t": long, "#r": ["z".repeat(2_048)]});
    let reason = client.refused("COUNT", &[long]).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
}
