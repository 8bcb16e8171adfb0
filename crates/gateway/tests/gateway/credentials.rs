//! G2: who is let in, and for how long.

use serde_json::json;
use stentor_auth::Scope;
use stentor_event::Timestamp;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Key, Subject, clock, event, note, secret, store};

both_engines!(
    g2_2_nobody_gets_in_without_a_credential_or_scope,
    g2_2_a_revoked_key_ends_its_stream,
    g2_1_a_ticket_opens_one_stream_and_its_own_continuation,
    g2_4_private_events_go_to_the_key_of_the_principal,
    g2_1_public_scopes_need_no_credential,
);

async fn g2_2_nobody_gets_in_without_a_credential_or_scope(house: House) {
    let subject = Subject::new(&house).await;
    let forged = Key {
        id: String::new(),
        text: format!("stk_{}_{}", "0".repeat(16), "a".repeat(43)),
    };
    let telemetry = subject.key("default", &[Scope::TelemetryWrite]).await;
    let ended = Some(Timestamp(clock().0 + 1));
    let short = subject
        .key_of("default", &[Scope::NostrRead], None, ended)
        .await;
    for path in ["/api/v1/events", "/api/v1/events/history", "/api/v1/jobs"] {
        let answer = subject.get(path, None).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.head.contains("www-authenticate: bearer"));
        let answer = subject.get(path, Some(&forged)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.head.contains("invalid_token"));
        let answer = subject.get(path, Some(&telemetry)).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    assert_eq!(subject.get("/api/v1/jobs", Some(&short)).await.status, 403);
    let jobs = subject.get("/api/v1/events?types=job", Some(&short)).await;
    assert_eq!(jobs.status, 403);
}

async fn g2_2_a_revoked_key_ends_its_stream(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", &[Scope::NostrRead]).await;
    let stream = subject.stream("/api/v1/events", Some(&key), None).await;
    let mut stream = stream.opened().await;
    let registry = subject.auth.registry();
    assert!(registry.revoke(&key.id, None, clock()).await.unwrap());
    let told = stream.next().await.unwrap();
    assert_eq!(
        (told.name.as_str(), told.data.as_str()),
        ("end", r#"{"reason":"revoked"}"#)
    );
    assert_eq!(stream.next().await, None);
    let answer = subject.get("/api/v1/events", Some(&key)).await;
    assert_eq!(answer.status, 401);
}

async fn ticket(subject: &Subject, key: &Key, surface: &str) -> String {
    let body = json!({ "surface": surface }).to_string();
    let answer = subject
        .request("POST", "/api/v1/tickets", Some(key), &body)
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.head.contains("cache-control: no-store"));
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

async fn g2_1_a_ticket_opens_one_stream_and_its_own_continuation(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", &[Scope::NostrRead]).await;
    let path = format!(
        "/api/v1/events?ticket={}",
        ticket(&subject, &key, "sse").await
    );
    let mut stream = subject.stream(&path, None, None).await.opened().await;
    subject.store(&[&note("one"), &note("two")]).await;
    assert_eq!(stream.contents(1).await, ["one"]);
    let last = stream.last.clone();
    drop(stream);
    // By itself it opens nothing any more, nor with an id that is not of its stream.
    assert_eq!(subject.get(&path, None).await.status, 401);
    let plain = last.split('~').next().unwrap();
    let other = format!("{path}&last_event_id={plain}");
    assert_eq!(subject.get(&other, None).await.status, 401);
    let mut stream = subject.stream(&path, None, Some(&last)).await;
    assert_eq!(stream.contents(1).await, ["two"]);
    // A ticket is for one surface, and nobody mints one with nothing.
    let path = format!(
        "/api/v1/events?ticket={}",
        ticket(&subject, &key, "ws").await
    );
    assert_eq!(subject.get(&path, None).await.status, 401);
    let body = r#"{"surface":"sse"}"#;
    let answer = subject.request("POST", "/api/v1/tickets", None, body).await;
    assert_eq!(answer.status, 401);
    for body in ["", "{}", r#"{"surface":"nonsense"}"#] {
        let answer = subject
            .request("POST", "/api/v1/tickets", Some(&key), body)
            .await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

async fn g2_4_private_events_go_to_the_key_of_the_principal(house: House) {
    let subject = Subject::new(&house).await;
    let bob = secret(2).public_key();
    let key = subject
        .key_of("default", &[Scope::NostrRead], Some(bob), None)
        .await;
    let other = subject.key("default", &[Scope::NostrRead]).await;
    let wrap = event(1, 1059, "wrapped", &[["p", &bob.to_string()]]);
    let mut streams = Vec::new();
    for key in [&key, &other] {
        let stream = subject.stream("/api/v1/events", Some(key), None).await;
        streams.push(stream.opened().await);
    }
    subject.store(&[&wrap, &note("open")]).await;
    assert_eq!(streams[0].contents(2).await, ["wrapped", "open"]);
    assert_eq!(streams[1].contents(1).await, ["open"]);
    for (key, events) in [(&key, 2), (&other, 1)] {
        let page = subject.get("/api/v1/events/history", Some(key)).await;
        assert_eq!(page.json()["events"].as_array().unwrap().len(), events);
    }
}

async fn g2_1_public_scopes_need_no_credential(house: House) {
    let auth = stentor_auth::config::Config {
        public: vec![Scope::NostrRead],
        ..stentor_auth::config::Config::default()
    };
    let subject = Subject::at(&house, store(), stentor_gateway::Config::default(), auth).await;
    let mut stream = subject
        .stream("/api/v1/events", None, None)
        .await
        .opened()
        .await;
    subject.store(&[&note("one")]).await;
    assert_eq!(stream.contents(1).await, ["one"]);
    assert_eq!(subject.get("/api/v1/jobs", None).await.status, 403);
}
