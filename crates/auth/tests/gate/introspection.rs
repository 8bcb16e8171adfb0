//! Tokens that their issuer is asked about.

use serde_json::{Value, json};
use stentor_auth::{Category, EndReason};
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use crate::common::*;

fn config(house: &House, server: &Server, other: Value) -> Value {
    use std::os::unix::fs::PermissionsExt;
    let file = house.folder().join("introspection.secret");
    std::fs::write(&file, "pass word\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut own = json!({
        "url": server.url("/introspect"), "client_id": "stentor", "secret_file": file,
        "allowed": ["events:nostr:read"],
    });
    own.as_object_mut()
        .unwrap()
        .extend(other.as_object().unwrap().clone());
    json!({"introspection": own})
}

fn active() -> Value {
    json!({"active": true, "sub": "alice", "scope": "events:nostr:read admin", "exp": NOW.0 + 1_000})
}

#[tokio::test]
async fn g2_1_an_opaque_token_is_asked_about_and_the_answer_holds_three_seconds() {
    let house = House::new(Dialect::Sqlite).await;
    let server = Server::start(200, active()).await;
    let node = node_with(&house, config(&house, &server, json!({})), "secrets", NOW).await;
    let principal = bearer(&node, "a/b+c=", NOW).await.unwrap();
    assert_eq!(principal.subject, "introspected|alice");
    assert_eq!(
        (principal.scopes, principal.expires_at),
        (scopes("events:nostr:read"), Some(later(1_000)))
    );
    bearer(&node, "a/b+c=", later(2)).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("POST /introspect HTTP/1.1\r\n"));
    assert!(
        requests[0].ends_with("token=a%2Fb%2Bc%3D&token_type_hint=access_token"),
        "{requests:?}"
    );
    // stentor:pass%20word
    assert!(
        requests[0].contains("authorization: Basic c3RlbnRvcjpwYXNzJTIwd29yZA=="),
        "{requests:?}"
    );
    server.tell(200, json!({"active": false}));
    assert_eq!(
        refused(bearer(&node, "a/b+c=", later(3)).await),
        Category::Unknown
    );
}

#[tokio::test]
async fn g2_2_a_stream_ends_when_its_token_is_good_no_more() {
    let house = House::new(Dialect::Sqlite).await;
    let server = Server::start(200, active()).await;
    let node = node_with(&house, config(&house, &server, json!({})), "secrets", NOW).await;
    let principal = bearer(&node, "opaque", NOW).await.unwrap();
    for second in 1..=10 {
        assert_eq!(node.still_good(&principal, later(second)), Ok(()));
        node.recheck(later(second)).await;
    }
    assert_eq!(server.requests().len(), 6, "asked every two seconds");
    server.tell(200, json!({"active": false}));
    for second in 11..=12 {
        node.recheck(later(second)).await;
    }
    assert_eq!(
        node.still_good(&principal, later(12)),
        Err(EndReason::Revoked)
    );
    node.recheck(later(13)).await;
    assert_eq!(server.requests().len(), 7, "not asked again");
    node.poll(later(100)).await.unwrap();
    node.recheck(later(100)).await;
    assert_eq!(
        node.still_good(&principal, later(100)),
        Err(EndReason::Unverified),
        "forgotten"
    );
}

#[tokio::test]
async fn g2_2_an_issuer_that_does_not_answer_is_waited_for_a_minute() {
    let house = House::new(Dialect::Sqlite).await;
    let server = Server::start(200, active()).await;
    let node = node_with(&house, config(&house, &server, json!({})), "secrets", NOW).await;
    let principal = bearer(&node, "opaque", NOW).await.unwrap();
    server.tell(503, json!({}));
    assert!(is_unavailable(&bearer(&node, "other", NOW).await));
    for second in [20, 40, 60] {
        node.poll(later(second)).await.unwrap();
        assert_eq!(node.still_good(&principal, later(second)), Ok(()));
        node.recheck(later(second)).await;
    }
    assert_eq!(
        node.still_good(&principal, later(61)),
        Err(EndReason::Unverified)
    );
}

#[tokio::test]
async fn g2_1_each_part_of_an_answer_counts() {
    let house = House::new(Dialect::Sqlite).await;
    let server = Server::start(200, active()).await;
    let audience = json!({"audience": "us", "tenant_claim": "org"});
    let node = node_with(&house, config(&house, &server, audience), "secrets", NOW).await;
    let right = json!({"active": true, "sub": "alice", "aud": ["us", "x"], "org": "default"});
    for (number, (other, category)) in [
        (json!({"active": "true"}), Category::Unknown),
        (json!({"aud": "them"}), Category::Audience),
        (json!({"aud": null}), Category::Audience),
        (json!({"exp": NOW.0}), Category::Expired),
        (json!({"sub": null}), Category::Claims),
        (json!({"org": "acme"}), Category::Tenant),
        (json!({"org": null}), Category::Tenant),
    ]
    .into_iter()
    .enumerate()
    {
        let mut answer = right.clone();
        answer
            .as_object_mut()
            .unwrap()
            .extend(other.as_object().unwrap().clone());
        server.tell(200, answer);
        assert_eq!(
            refused(bearer(&node, &format!("t{number}"), NOW).await),
            category,
            "{other}"
        );
    }
    server.tell(200, right);
    bearer(&node, "right", NOW).await.unwrap();
    // A signed token of an issuer that nobody knows is asked about, too.
    bearer(&node, "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.AAAA", NOW)
        .await
        .unwrap();
    for body in [json!([]), json!("x")] {
        server.tell(200, body);
        assert!(is_unavailable(&bearer(&node, "broken", NOW).await));
    }
    assert_eq!(
        refused(bearer(&node, &"x".repeat(4_097), NOW).await),
        Category::Malformed
    );
}

#[tokio::test]
async fn g2_1_answers_that_are_remembered_are_bounded() {
    let house = House::new(Dialect::Sqlite).await;
    let server = Server::start(200, active()).await;
    let node = node_with(
        &house,
        config(&house, &server, json!({"remembered": 16})),
        "secrets",
        NOW,
    )
    .await;
    let first = bearer(&node, "t0", NOW).await.unwrap();
    for number in 1..16 {
        bearer(&node, &format!("t{number}"), later(1))
            .await
            .unwrap();
    }
    // Bad tokens take nobody's room.
    server.tell(200, json!({"active": false}));
    for number in 0..20 {
        let bad = bearer(&node, &format!("bad{number}"), later(2)).await;
        assert_eq!(refused(bad), Category::Unknown);
    }
    assert_eq!(node.still_good(&first, NOW), Ok(()));
    server.tell(200, active());
    bearer(&node, "t16", later(2)).await.unwrap();
    assert_eq!(
        node.still_good(&first, later(2)),
        Err(EndReason::Unverified),
        "needed least"
    );
}

#[tokio::test]
async fn g2_1_the_secret_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new(Dialect::Sqlite).await;
    let server = Server::start(200, active()).await;
    let config = config(&house, &server, json!({}));
    let file = house.folder().join("introspection.secret");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = async || {
        let parts = stentor_auth::Parts {
            config: serde_json::from_value(config.clone()).unwrap(),
            records: house.open().await,
            dialer: stentor_net::dial::Dialer::new(&stentor_net::dial::Config::default()).unwrap(),
            secrets: house.folder().join("secrets"),
            replay: std::sync::Arc::new(Used::default()),
        };
        stentor_auth::Authenticator::open(parts, NOW)
            .await
            .map(drop)
    };
    assert!(matches!(
        open().await,
        Err(stentor_auth::OpenError::Secret(_))
    ));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(
        open().await,
        Err(stentor_auth::OpenError::NoSecret(_))
    ));
}
