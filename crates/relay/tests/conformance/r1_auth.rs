//! R1.11: authentication of connections (NIP-42).

use serde_json::json;

use crate::harness::*;

over_both_engines! {
    r1_11_a_challenge_for_each_connection,
    r1_11_several_keys,
    r1_11_each_condition_is_checked,
    r1_11_the_host_header_is_no_evidence,
    r1_11_configured_urls_alone_count,
    r1_11_auth_events_are_not_published,
    r1_11_the_number_of_keys_is_limited,
}

async fn r1_11_a_challenge_for_each_connection(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut one, other) = (node.client().await, node.client().await);
    assert_ne!(one.challenge, other.challenge);
    let url = node.url();
    let others = auth_event(&key(1), &url, &other.challenge, now());
    let (accepted, reason) = one.auth(&others).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    assert_eq!(one.authenticate(&key(1)).await, (true, String::new()));
}

async fn r1_11_several_keys(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for author in [1, 2, 1] {
        assert!(client.authenticate(&key(author)).await.0);
    }
    for author in [1, 2] {
        client
            .store(&event(1, now()).tag(["-"]).sign(&key(author)))
            .await;
    }
    assert!(
        !client
            .publish(&event(1, now()).tag(["-"]).sign(&key(3)))
            .await
            .0
    );
}

async fn r1_11_each_condition_is_checked(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let url = node.url();
    for at in [now() - 601 - 5, now() + 601 + 5] {
        assert!(
            !client.authenticate_as(&key(1), &url, at).await.0,
            "more than ten minutes off"
        );
    }
    for at in [now() - 590, now() + 590] {
        assert!(client.authenticate_as(&key(1), &url, at).await.0);
    }
    let port = node.address.port();
    for named in [
        format!("ws://localhost:{port}"),
        format!("ws://127.0.0.1:{port}/"),
    ] {
        assert!(
            client.authenticate_as(&key(1), &named, now()).await.0,
            "{named}"
        );
    }
    for named in [
        "wss://relay.example.com",
        "",
        "ws://localhost:1",
        "ws://192.0.2.1:7447",
    ] {
        let (accepted, reason) = client.authenticate_as(&key(1), named, now()).await;
        assert!(
            !accepted && reason.starts_with("invalid: "),
            "{named}: {reason}"
        );
    }
    let note = event(1, now())
        .tag(["relay", &url])
        .tag(["challenge", &client.challenge])
        .sign(&key(1));
    assert!(!client.auth(&note).await.0, "another kind");
    client.send(r#"["AUTH",{"kind":22242}]"#).await;
    assert_eq!(client.next().await[0], "NOTICE");
}

async fn r1_11_the_host_header_is_no_evidence(engine: Engine) {
    let node = Node::start(engine).await;
    let stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
    let mut client = Client::over(stream, "ws://evil.example.com/")
        .await
        .unwrap_or_else(|status| panic!("{status}"));
    assert!(
        !client
            .authenticate_as(&key(1), "ws://evil.example.com/", now())
            .await
            .0
    );
    assert!(client.authenticate_as(&key(1), &node.url(), now()).await.0);
}

async fn r1_11_configured_urls_alone_count(engine: Engine) {
    let mut config = without_rates();
    config.urls = vec!["wss://relay.example.com".into()];
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    assert!(!client.authenticate_as(&key(1), &node.url(), now()).await.0);
    assert!(
        client
            .authenticate_as(&key(1), "wss://Relay.Example.com:443/", now())
            .await
            .0
    );
}

async fn r1_11_auth_events_are_not_published(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut client, mut reader) = (node.client().await, node.client().await);
    reader.subscribe("all", &[json!({})]).await;
    client.authenticate(&key(1)).await;
    let (accepted, reason) = client.publish(&event(22_242, now()).sign(&key(1))).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    assert!(reader.silent("all").await);
    assert!(
        client
            .query(json!({"kinds": [22_242]}))
            .await
            .events
            .is_empty()
    );
}

async fn r1_11_the_number_of_keys_is_limited(engine: Engine) {
    let mut config = without_rates();
    config.limits.keys = 2;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    for author in [1, 2] {
        assert!(client.authenticate(&key(author)).await.0);
    }
    let (accepted, reason) = client.authenticate(&key(3)).await;
    assert!(!accepted && reason.starts_with("restricted: "), "{reason}");
}
