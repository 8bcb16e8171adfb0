//! G3.2: the WebSocket, driven by a client that nobody here has written.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stentor_auth::Scope;
use stentor_bus::jobs::JobKind;
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{Key, PATIENCE, Subject, clock, note};

both_engines!(
    g3_2_several_subscriptions_on_one_connection,
    g3_2_a_subscription_resumes_by_its_cursor,
    g3_2_requests_that_cannot_be_done_are_told_and_the_connection_stays,
    g2_2_nobody_is_upgraded_without_a_credential,
    g2_2_a_revoked_key_ends_its_connection,
    g2_2_a_revoked_key_ends_a_connection_without_subscriptions,
    g2_1_a_ticket_opens_a_websocket,
    g6_1_a_drain_closes_with_1012,
);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Client(Socket);

async fn connect(subject: &Subject, query: &str, key: Option<&Key>) -> Result<Client, Error> {
    let url = format!("ws://{}/api/v1/ws{query}", subject.address);
    let mut request = url.into_client_request().unwrap();
    if let Some(key) = key {
        let value = format!("Bearer {}", key.text).parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    connect_async(request)
        .await
        .map(|(socket, _)| Client(socket))
}

impl Client {
    async fn send(&mut self, frame: Value) {
        let text = frame.to_string();
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame that is no position.
    async fn next(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("in time");
            match message.expect("the connection has ended").unwrap() {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["op"] != "position" {
                        return frame;
                    }
                }
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Subscribes, and waits until it has begun.
    async fn subscribe(&mut self, frame: Value) {
        self.send(frame).await;
        let mut begun = (false, false);
        while begun != (true, true) {
            let message = timeout(PATIENCE, self.0.next()).await.expect("in time");
            let text = message.unwrap().unwrap().into_text().unwrap();
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["op"].as_str().unwrap() {
                "subscribed" => begun.0 = true,
                "position" => begun.1 = true,
                _ => panic!("{frame}"),
            }
        }
    }

    /// The code that the server closes with.
    async fn closed(&mut self) -> u16 {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("in time");
            if let Message::Close(frame) = message.expect("no close frame").unwrap() {
                return frame.unwrap().code.into();
            }
        }
    }
}

const ALL: &[Scope] = &[Scope::NostrRead, Scope::JobsReadAll];

async fn g3_2_several_subscriptions_on_one_connection(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", ALL).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    let nostr =
        json!({ "op": "subscribe", "id": "n", "types": ["nostr"], "filter": { "kinds": [1] } });
    client.subscribe(nostr).await;
    client
        .subscribe(json!({ "op": "subscribe", "id": "j", "types": ["job"] }))
        .await;
    subject.store(&[&note("one")]).await;
    let frame = client.next().await;
    assert_eq!((&frame["op"], &frame["id"]), (&json!("event"), &json!("n")));
    assert_eq!(frame["event"]["data"]["content"], "one");
    let job = subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    let frame = client.next().await;
    assert_eq!(frame["id"], "j");
    assert_eq!(frame["event"]["subject"], job.id().to_string());
    client
        .send(json!({ "op": "unsubscribe", "id": "n", "ref": "u" }))
        .await;
    let frame = client.next().await;
    assert_eq!(
        frame,
        json!({ "op": "unsubscribed", "id": "n", "ref": "u" })
    );
    subject.store(&[&note("two")]).await;
    client.send(json!({ "op": "ping", "ref": "p" })).await;
    assert_eq!(client.next().await, json!({ "op": "pong", "ref": "p" }));
}

async fn g3_2_a_subscription_resumes_by_its_cursor(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", ALL).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    client
        .subscribe(json!({ "op": "subscribe", "id": "a" }))
        .await;
    subject.store(&[&note("one"), &note("two")]).await;
    let cursor = client.next().await["cursor"].clone();
    drop(client);
    subject.store(&[&note("three")]).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    client
        .subscribe(json!({ "op": "resume", "id": "b", "cursor": cursor }))
        .await;
    for content in ["two", "three"] {
        assert_eq!(client.next().await["event"]["data"]["content"], content);
    }
    // From before what is known here: told, then everything there is.
    let text = cursor.as_str().unwrap();
    let foreign = if text.as_bytes()[3] == b'A' { "B" } else { "A" };
    let foreign = format!("{}{foreign}{}", &text[..3], &text[4..]);
    client
        .send(json!({ "op": "resume", "id": "c", "cursor": foreign }))
        .await;
    assert_eq!(client.next().await["op"], "subscribed");
    assert_eq!(client.next().await["op"], "resync_required");
    for content in ["one", "two", "three"] {
        assert_eq!(client.next().await["event"]["data"]["content"], content);
    }
}

async fn g3_2_requests_that_cannot_be_done_are_told_and_the_connection_stays(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", &[Scope::NostrRead]).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    client
        .subscribe(json!({ "op": "subscribe", "id": "a" }))
        .await;
    for (frame, code) in [
        (json!({ "op": "nonsense" }), "malformed"),
        (json!({ "op": "subscribe", "id": "a" }), "exists"),
        (json!({ "op": "unsubscribe", "id": "b" }), "not_found"),
        (
            json!({ "op": "subscribe", "id": "b", "types": ["job"] }),
            "forbidden",
        ),
        (
            json!({ "op": "subscribe", "id": "b", "types": ["x"] }),
            "malformed",
        ),
        (
            json!({ "op": "subscribe", "id": "b", "filter": { "limit": 1 } }),
            "malformed",
        ),
        (
            json!({ "op": "resume", "id": "b", "cursor": "x" }),
            "malformed",
        ),
    ] {
        let mut frame = frame;
        frame["ref"] = json!("r");
        client.send(frame.clone()).await;
        let answer = client.next().await;
        assert_eq!(answer["op"], "error", "{frame}: {answer}");
        assert_eq!(
            (&answer["code"], &answer["ref"]),
            (&json!(code), &json!("r")),
            "{frame}"
        );
    }
    for number in 1..32 {
        let id = format!("s{number}");
        client
            .subscribe(json!({ "op": "subscribe", "id": id }))
            .await;
    }
    client
        .send(json!({ "op": "subscribe", "id": "more" }))
        .await;
    assert_eq!(client.next().await["code"], "too_many");
}

async fn g2_2_nobody_is_upgraded_without_a_credential(house: House) {
    let subject = Subject::new(&house).await;
    match connect(&subject, "", None).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 401),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("upgraded"),
    }
    let answer = subject.get("/api/v1/ws", None).await;
    assert_eq!(answer.status, 401);
    let key = subject.key("default", ALL).await;
    let answer = subject.get("/api/v1/ws", Some(&key)).await;
    assert_eq!(answer.status, 426, "no upgrade was asked for");
}

async fn g2_2_a_revoked_key_ends_its_connection(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", ALL).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    client
        .subscribe(json!({ "op": "subscribe", "id": "a" }))
        .await;
    let registry = subject.auth.registry();
    assert!(registry.revoke(&key.id, None, clock()).await.unwrap());
    let frame = client.next().await;
    assert_eq!(frame, json!({ "op": "end", "reason": "revoked" }));
    assert_eq!(client.closed().await, 1008);
}

async fn g2_2_a_revoked_key_ends_a_connection_without_subscriptions(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", ALL).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    let registry = subject.auth.registry();
    assert!(registry.revoke(&key.id, None, clock()).await.unwrap());
    let frame = client.next().await;
    assert_eq!(frame, json!({ "op": "end", "reason": "revoked" }));
    assert_eq!(client.closed().await, 1008);
}

async fn g2_1_a_ticket_opens_a_websocket(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", ALL).await;
    let body = r#"{"surface":"ws"}"#;
    let answer = subject
        .request("POST", "/api/v1/tickets", Some(&key), body)
        .await;
    let ticket = answer.json()["ticket"].as_str().unwrap().to_owned();
    let query = format!("?ticket={ticket}");
    let mut client = connect(&subject, &query, None).await.unwrap();
    client
        .subscribe(json!({ "op": "subscribe", "id": "a" }))
        .await;
    subject.store(&[&note("one"), &note("two")]).await;
    let cursor = client.next().await["cursor"].as_str().unwrap().to_owned();
    drop(client);
    assert!(connect(&subject, &query, None).await.is_err());
    let query = format!("{query}&last_event_id={cursor}");
    let mut client = connect(&subject, &query, None).await.unwrap();
    client
        .subscribe(json!({ "op": "subscribe", "id": "a" }))
        .await;
    assert_eq!(client.next().await["event"]["data"]["content"], "two");
}

async fn g6_1_a_drain_closes_with_1012(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", ALL).await;
    let mut client = connect(&subject, "", Some(&key)).await.unwrap();
    client
        .subscribe(json!({ "op": "subscribe", "id": "a" }))
        .await;
    let drained = subject.drain.run(PATIENCE);
    let (report, code) = tokio::join!(drained, async {
        let code = client.closed().await;
        // The answer to the close frame goes out with the next read.
        let _ = client.0.next().await;
        code
    });
    assert_eq!((report.aborted, code), (0, 1012));
}
