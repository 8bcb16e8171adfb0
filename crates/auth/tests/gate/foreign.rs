//! Tokens of an issuer elsewhere, whose keys are fetched.

use serde_json::{Value, json};
use stentor_auth::Category;
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use crate::common::*;

fn config(server: &Server) -> Value {
    json!({"issuers": [{
        "issuer": "https://id.example", "jwks_url": server.url("/keys"), "audience": "us",
        "tenant_claim": "org", "allowed": ["events:nostr:read", "events:jobs:read:own"],
    }]})
}

fn claims(other: Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "us", "sub": "alice", "exp": NOW.0 + 10_000_000, "jti": "1",
        "org": "default", "scope": "events:nostr:read events:jobs:read:all admin",
    });
    claims
        .as_object_mut()
        .unwrap()
        .extend(other.as_object().unwrap().clone());
    claims
}

#[tokio::test]
async fn g2_1_a_token_of_a_trusted_issuer_gets_what_it_may_have() {
    let house = House::new(Dialect::Sqlite).await;
    let issuer = Elsewhere::new();
    let server = Server::start(200, issuer.jwks("a")).await;
    let node = node_with(&house, config(&server), "secrets", NOW).await;
    let principal = bearer(&node, &issuer.token("a", &claims(json!({}))), NOW)
        .await
        .unwrap();
    assert_eq!(principal.subject, "https://id.example|alice");
    assert_eq!(
        principal.scopes,
        scopes("events:nostr:read events:jobs:read:own"),
        "not above the ceiling"
    );
    for (other, category) in [
        (json!({"aud": "them"}), Category::Audience),
        (json!({"iss": "https://evil.example"}), Category::Issuer),
        (json!({"iss": "stentor"}), Category::UnknownKey),
        (json!({"exp": NOW.0 - 61}), Category::Expired),
        (json!({"org": "acme"}), Category::Tenant),
        (json!({"org": 1}), Category::Tenant),
    ] {
        let token = issuer.token("a", &claims(other.clone()));
        assert_eq!(
            refused(bearer(&node, &token, NOW).await),
            category,
            "{other}"
        );
    }
    assert_eq!(server.requests().len(), 1, "the keys are kept");
}

#[tokio::test]
async fn g2_1_an_unknown_key_is_looked_for_twice_a_minute_at_most() {
    let house = House::new(Dialect::Sqlite).await;
    let issuer = Elsewhere::new();
    let server = Server::start(200, issuer.jwks("a")).await;
    let node = node_with(&house, config(&server), "secrets", NOW).await;
    let token = issuer.token("b", &claims(json!({})));
    for second in 0..30 {
        assert_eq!(
            refused(bearer(&node, &token, later(second)).await),
            Category::UnknownKey
        );
    }
    assert_eq!(server.requests().len(), 1);
    server.tell(200, issuer.jwks("b"));
    node.poll(later(30)).await.unwrap();
    bearer(&node, &token, later(30)).await.unwrap();
    assert_eq!(server.requests().len(), 2);
    let old = issuer.token("a", &claims(json!({})));
    assert_eq!(
        refused(bearer(&node, &old, later(31)).await),
        Category::UnknownKey,
        "taken out of the set"
    );
}

#[tokio::test]
async fn g2_1_an_issuer_that_does_not_answer_makes_its_tokens_wait() {
    let house = House::new(Dialect::Sqlite).await;
    let issuer = Elsewhere::new();
    let server = Server::start(500, json!({})).await;
    let node = node_with(&house, config(&server), "secrets", NOW).await;
    let token = issuer.token("a", &claims(json!({})));
    assert!(is_unavailable(&bearer(&node, &token, NOW).await));
    for (status, body) in [
        (200, json!({"keys": []})),
        (301, issuer.jwks("a")),
        (200, json!({"keys": "x".repeat(300_000)})),
    ] {
        let broken = Server::start(status, body).await;
        let node = node_with(&house, config(&broken), "secrets", NOW).await;
        assert!(
            is_unavailable(&bearer(&node, &token, NOW).await),
            "{status}"
        );
    }
    server.tell(200, issuer.jwks("a"));
    node.poll(later(30)).await.unwrap();
    bearer(&node, &token, later(30)).await.unwrap();
    // Once there are keys, they last through an outage of a day.
    server.tell(500, json!({}));
    node.tidy(later(700)).await;
    node.poll(later(80_000)).await.unwrap();
    bearer(&node, &token, later(80_000)).await.unwrap();
    node.poll(later(90_000)).await.unwrap();
    assert!(is_unavailable(&bearer(&node, &token, later(90_000)).await));
}

#[tokio::test]
async fn g2_1_keys_are_fetched_anew_by_themselves() {
    let house = House::new(Dialect::Sqlite).await;
    let issuer = Elsewhere::new();
    let server = Server::start(200, issuer.jwks("a")).await;
    let node = node_with(&house, config(&server), "secrets", NOW).await;
    bearer(&node, &issuer.token("a", &claims(json!({}))), NOW)
        .await
        .unwrap();
    node.tidy(later(599)).await;
    assert_eq!(server.requests().len(), 1);
    server.tell(200, issuer.jwks("b"));
    node.tidy(later(600)).await;
    node.poll(later(600)).await.unwrap();
    assert_eq!(server.requests().len(), 2);
    let old = bearer(&node, &issuer.token("a", &claims(json!({}))), later(601)).await;
    assert_eq!(refused(old), Category::UnknownKey);
}

/// Who comes and goes does not keep the keys from being fetched.
#[tokio::test]
async fn g2_1_a_fetch_is_made_to_its_end() {
    let house = House::new(Dialect::Sqlite).await;
    let issuer = Elsewhere::new();
    let server = Server::start(200, issuer.jwks("a")).await;
    let node = node_with(&house, config(&server), "secrets", NOW).await;
    let token = issuer.token("a", &claims(json!({})));
    {
        let gone = bearer(&node, &token, NOW);
        let mut gone = std::pin::pin!(gone);
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(gone.as_mut().poll(context).is_pending())
        });
        assert!(once.await, "it waits for the keys");
    }
    bearer(&node, &token, NOW).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}
