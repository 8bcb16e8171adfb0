//! G2.1, G2.5: tokens of our own, and what the audit says.

use serde_json::{Value, json};
use stentor_auth::Scope;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Answer, Key, Subject, clock, note};

both_engines!(
    g2_1_a_token_has_the_rights_that_were_asked_for_and_no_more,
    g2_2_a_revoked_token_ends_its_stream,
    g2_1_a_token_ends_with_the_key_that_it_was_made_with,
    g2_1_the_keys_are_there_for_everybody,
    g2_5_the_audit_is_read_by_its_tenant,
);

async fn issue(subject: &Subject, key: &Key, wish: Value) -> Answer {
    let wish = wish.to_string();
    subject
        .request("POST", "/api/v1/tokens", Some(key), &wish)
        .await
}

fn bearer(answer: &Answer) -> Key {
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.head.contains("cache-control: no-store"));
    Key {
        id: String::new(),
        text: answer.json()["access_token"].as_str().unwrap().to_owned(),
    }
}

async fn g2_1_a_token_has_the_rights_that_were_asked_for_and_no_more(house: House) {
    let subject = Subject::new(&house).await;
    let both = [Scope::NostrRead, Scope::JobsReadOwn];
    let key = subject.key("default", &both).await;
    let wish = json!({ "scope": "events:nostr:read admin", "seconds": 60 });
    let answer = issue(&subject, &key, wish).await;
    assert_eq!(answer.json()["scope"], "events:nostr:read");
    assert_eq!(answer.json()["expires_in"], 60);
    let token = bearer(&answer);
    let history = subject.get("/api/v1/events/history", Some(&token)).await;
    assert_eq!(history.status, 200);
    assert_eq!(subject.get("/api/v1/jobs", Some(&token)).await.status, 403);
    let all = bearer(&issue(&subject, &key, json!({})).await);
    assert_eq!(subject.get("/api/v1/jobs", Some(&all)).await.status, 200);
    for wrong in [json!({ "scope": "nonsense" }), json!({ "x": 1 }), json!([])] {
        let answer = issue(&subject, &key, wrong).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

async fn g2_2_a_revoked_token_ends_its_stream(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", &[Scope::NostrRead]).await;
    let token = bearer(&issue(&subject, &key, json!({})).await);
    let stream = subject.stream("/api/v1/events", Some(&token), None).await;
    let mut stream = stream.opened().await;
    let revoked = async |key| {
        subject
            .request("DELETE", "/api/v1/tokens", Some(key), "")
            .await
    };
    assert_eq!(revoked(&key).await.status, 403, "keys are the operator's");
    assert_eq!(revoked(&token).await.status, 204);
    let told = stream.next().await.unwrap();
    assert_eq!(told.data, r#"{"reason":"revoked"}"#);
    assert_eq!(stream.next().await, None);
    assert_eq!(revoked(&token).await.status, 401);
    let lines = audit(&subject, "default").await;
    let ended = lines.iter().find(|line| line["kind"] == "ended").unwrap();
    assert_eq!(
        (&ended["surface"], &ended["detail"]),
        (&json!("sse"), &json!("revoked"))
    );
}

async fn g2_1_a_token_ends_with_the_key_that_it_was_made_with(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", &[Scope::NostrRead]).await;
    let token = bearer(&issue(&subject, &key, json!({})).await);
    let registry = subject.auth.registry();
    assert!(registry.revoke(&key.id, None, clock()).await.unwrap());
    let history = subject.get("/api/v1/events/history", Some(&token)).await;
    assert_eq!(history.status, 401);
}

async fn g2_1_the_keys_are_there_for_everybody(house: House) {
    let subject = Subject::new(&house).await;
    let answer = subject.get("/.well-known/jwks.json", None).await;
    assert_eq!(answer.status, 200);
    let key = &answer.json()["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    assert!(key.get("d").is_none(), "the secret half");
}

/// The audit of a tenant.
async fn audit(subject: &Subject, tenant: &str) -> Vec<Value> {
    subject.auth.audit().flush(clock()).await.unwrap();
    let admin = subject.key(tenant, &[Scope::Admin]).await;
    let answer = subject.get("/api/v1/audit", Some(&admin)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["lines"].as_array().unwrap().clone()
}

async fn g2_5_the_audit_is_read_by_its_tenant(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("a", &[Scope::NostrRead]).await;
    let path = "/api/v1/events?types=nostr&filter=%7B%22kinds%22:%5B1%5D%7D";
    let mut stream = subject.stream(path, Some(&key), None).await.opened().await;
    subject.store(&[&note("one")]).await;
    stream.contents(1).await;
    let lines = audit(&subject, "a").await;
    let line = lines
        .iter()
        .find(|line| line["kind"] == "subscribed")
        .unwrap();
    assert_eq!(line["subject"], format!("key:{}", key.id));
    assert_eq!(
        line["detail"],
        r#"types=nostr subject= filter={"kinds":[1]}"#
    );
    assert_eq!(line["address"], "127.0.0.1");
    let others = audit(&subject, "b").await;
    assert!(
        others.iter().all(|line| line["tenant"] == "b"),
        "{others:?}"
    );
    assert_eq!(subject.get("/api/v1/audit", Some(&key)).await.status, 403);
}
