//! R1.14: the information document, the page, other paths, and messages that mean nothing.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

over_both_engines! {
    r1_14_the_information_document,
    r1_14_what_is_advertised_is_enforced,
    r1_14_cors,
    r1_14_a_page_for_people,
    r1_14_other_paths_are_not_found,
    r1_14_binary_frames_close,
    r1_14_unknown_verbs_are_noticed,
}

const ASK: &str = "GET / HTTP/1.1\r\naccept: application/nostr+json";

async fn document(node: &Node) -> Value {
    let answer = node.http(ASK).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn r1_14_the_information_document(engine: Engine) {
    let mut config = without_rates();
    config.info.name = "Test".into();
    config.info.contact = Some("mailto:a@example.com".into());
    let node = Node::with(engine, config).await;
    let answer = node.http(ASK).await;
    assert!(answer.starts_with("HTTP/1.1 200"));
    assert!(
        answer
            .to_lowercase()
            .contains("content-type: application/nostr+json")
    );
    let document = document(&node).await;
    assert_eq!(document["name"], "Test");
    assert_eq!(document["contact"], "mailto:a@example.com");
    assert_eq!(document["self"], public(99));
    assert_eq!(
        document["supported_nips"],
        json!([1, 9, 11, 40, 42, 45, 62, 67, 70, 77])
    );
    assert_eq!(document.get("icon"), None);
}

async fn r1_14_what_is_advertised_is_enforced(engine: Engine) {
    let mut config = without_rates();
    let limits = &mut config.limits;
    (
        limits.subscriptions,
        limits.limit,
        limits.tags,
        limits.message_bytes,
        limits.event_bytes,
    ) = (2, 3, 4, 4_096, 4_096);
    (
        config.policy.time.ahead_seconds,
        config.policy.time.behind_seconds,
    ) = (100, 10_000);
    let node = Node::with(engine, config).await;
    let limitation = document(&node).await["limitation"].clone();
    let expected = json!({
        "max_message_length": 4_096, "max_subscriptions": 2, "max_limit": 3, "default_limit": 3, "max_subid_length": 64,
        "max_event_tags": 4, "auth_required": false, "payment_required": false, "restricted_writes": false,
        "created_at_lower_limit": 10_000, "created_at_upper_limit": 100,
    });
    assert_eq!(limitation, expected);
    let mut client = node.client().await;
    let tags = |count: usize| {
        (0..count)
            .fold(event(1, now()), |builder, _| builder.tag(["t", "x"]))
            .sign(&key(1))
    };
    client.store(&tags(4)).await;
    for refused in [
        tags(5),
        event(1, now() + 150).sign(&key(1)),
        event(1, now() - 10_100).sign(&key(1)),
    ] {
        let (accepted, reason) = client.publish(&refused).await;
        assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    }
    for number in 0..5 {
        client
            .store(&note(1, 10 + number, &number.to_string()))
            .await;
    }
    assert_eq!(client.query(json!({"limit": 100})).await.events.len(), 3);
    assert_eq!(client.query(json!({})).await.events.len(), 3);
    client.subscribe("one", &[json!({"limit": 0})]).await;
    client.subscribe("two", &[json!({"limit": 0})]).await;
    assert!(
        client
            .refused("REQ", &[json!({"limit": 0})])
            .await
            .starts_with("rate-limited: ")
    );
    client
        .subscribe("two", &[json!({"kinds": [7], "limit": 0})])
        .await;
    client
        .send(format!("[\"CLOSE\",\"{}\"]", "x".repeat(5_000)))
        .await;
    assert_eq!(client.closing().await.0, 1009);
}

async fn r1_14_cors(engine: Engine) {
    let node = Node::start(engine).await;
    let answer = node
        .http(&format!("{ASK}\r\norigin: https://client.example.com"))
        .await
        .to_lowercase();
    for header in [
        "access-control-allow-origin: *",
        "access-control-allow-headers: ",
        "access-control-allow-methods: ",
    ] {
        assert!(answer.contains(header), "{header}");
    }
    let preflight =
        "OPTIONS / HTTP/1.1\r\norigin: https://c.example.com\r\naccess-control-request-method: GET";
    let answer = node.http(preflight).await.to_lowercase();
    assert!(
        answer.starts_with("http/1.1 204") && answer.contains("access-control-allow-origin: *"),
        "{answer}"
    );
}

async fn r1_14_a_page_for_people(engine: Engine) {
    let mut config = without_rates();
    config.info.name = "<b>Test</b>".into();
    let node = Node::with(engine, config).await;
    let answer = node.http("GET / HTTP/1.1\r\naccept: text/html").await;
    assert!(answer.starts_with("HTTP/1.1 200"));
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(
        head.contains("content-type: text/html")
            && head.contains("content-security-policy: default-src 'none'")
    );
    assert!(head.contains("x-content-type-options: nosniff"));
    assert!(
        page.contains("&lt;b&gt;Test&lt;/b&gt;")
            && page.contains(&node.url())
            && page.contains("NIP-45")
    );
    let mut config = without_rates();
    config.page = false;
    node.relay.reconfigure(config).unwrap();
    assert!(
        node.http("GET / HTTP/1.1")
            .await
            .starts_with("HTTP/1.1 404")
    );
}

async fn r1_14_other_paths_are_not_found(engine: Engine) {
    let node = Node::start(engine).await;
    let stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
    assert_eq!(
        Client::over(stream, &format!("{}/other", node.url()))
            .await
            .err(),
        Some(404)
    );
    assert!(
        node.http("GET /other HTTP/1.1")
            .await
            .starts_with("HTTP/1.1 404")
    );
}

async fn r1_14_binary_frames_close(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(client.closing().await.0, 1003);
}

async fn r1_14_unknown_verbs_are_noticed(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.send(r#"["NONSENSE","x"]"#).await;
    let notice = client.next().await;
    assert_eq!(notice[0], "NOTICE");
    assert!(notice[1].as_str().unwrap().contains("NONSENSE"));
    client.store(&note(1, 0, "the connection is open")).await;
}
