//! Nostr keys that sign their requests (NIP-98).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use stentor_auth::nip98::{self, HttpAuthError, Payload, ReplayGuard, Request, Target};
use stentor_auth::{
    AuthFailure, Authenticator, Category, Credential, EndReason, Place, Principal, RequestHead,
    UsedTokens,
};
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use crate::common::*;

const URL: &str = "https://relay.example.com/api/v1/events?types=nostr";

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

fn signed(key: u8, url: &str, method: &str, at: Timestamp) -> String {
    let event = EventBuilder::new(Kind::HTTP_AUTH, at)
        .tag(["u", url])
        .tag(["method", method])
        .sign(&secret(key));
    format!("Nostr {}", BASE64_STANDARD.encode(event.json()))
}

fn config(any: Value) -> Value {
    let key = secret(7).public_key().to_string();
    json!({"nostr": {"scopes": any, "session_seconds": 600, "keys": [
        {"key": key, "tenant": "acme", "scopes": ["events:nostr:read", "admin"]},
    ]}})
}

async fn node(house: &House, any: Value) -> Authenticator {
    let node = node_with(house, config(any), "secrets", NOW).await;
    // A tenant of the configuration has to be there, as any other.
    let _ = node
        .registry()
        .create_tenant("acme".parse().unwrap(), NOW)
        .await;
    node
}

#[tokio::test]
async fn g2_1_a_key_is_who_it_was_configured_to_be() {
    let house = House::new(Dialect::Sqlite).await;
    let node = node(&house, json!([])).await;
    let principal = ask(&node, &signed(7, URL, "GET", NOW), NOW).await.unwrap();
    let key = secret(7).public_key();
    assert_eq!(
        (principal.tenant.as_str(), principal.scopes),
        ("acme", scopes("events:nostr:read admin"))
    );
    assert_eq!(
        (principal.keys.as_slice(), &principal.credential),
        (&[key][..], &Credential::nostr(&key))
    );
    assert_eq!(node.still_good(&principal, later(59)), Ok(()));
    node.poll(later(600)).await.unwrap();
    assert_eq!(
        node.still_good(&principal, later(600)),
        Err(EndReason::Expired),
        "the session is over"
    );
    let stranger = ask(&node, &signed(8, URL, "GET", NOW), NOW).await;
    let id = format!("nostr:{}", secret(8).public_key());
    assert_eq!(
        stranger,
        Err(AuthFailure::Invalid {
            category: Category::Unknown,
            credential: Some(id)
        })
    );
}

#[tokio::test]
async fn g2_1_any_key_may_be_let_in() {
    let house = House::new(Dialect::Sqlite).await;
    let node = node(&house, json!(["events:relay:read"])).await;
    let principal = ask(&node, &signed(8, URL, "GET", NOW), NOW).await.unwrap();
    assert!(principal.tenant.is_default());
    assert_eq!(principal.scopes, scopes("events:relay:read"));
    node.registry()
        .revoke_credential(&principal.credential, later(1_000), NOW)
        .await
        .unwrap();
    assert_eq!(
        node.still_good(&principal, later(1)),
        Err(EndReason::Revoked)
    );
    assert_eq!(
        refused(ask(&node, &signed(8, URL, "GET", later(1)), later(1)).await),
        Category::Revoked
    );
}

#[tokio::test]
async fn g2_1_a_signed_request_is_good_once_and_for_itself() {
    let house = House::new(Dialect::Sqlite).await;
    let node = node(&house, json!([])).await;
    let header = signed(7, URL, "GET", NOW);
    ask(&node, &header, NOW).await.unwrap();
    assert_eq!(refused(ask(&node, &header, NOW).await), Category::Used);
    for (header, category) in [
        (
            signed(7, "https://relay.example.com/api/v1/events", "GET", NOW),
            Category::Request,
        ),
        (
            signed(
                7,
                "https://evil.example/api/v1/events?types=nostr",
                "GET",
                NOW,
            ),
            Category::Request,
        ),
        (signed(7, URL, "POST", NOW), Category::Request),
        (
            signed(7, URL, "GET", Timestamp(NOW.0 - 61)),
            Category::Expired,
        ),
        ("Nostr e30=".to_owned(), Category::Malformed),
    ] {
        assert_eq!(refused(ask(&node, &header, NOW).await), category);
    }
}

async fn post(
    node: &Authenticator,
    tag: Option<&str>,
    body: &[u8],
) -> Result<Principal, AuthFailure> {
    let mut event = EventBuilder::new(Kind::HTTP_AUTH, NOW)
        .tag(["u", "https://relay.example.com/x"])
        .tag(["method", "POST"]);
    if let Some(hash) = tag {
        event = event.tag(["payload", hash]);
    }
    let value = format!(
        "Nostr {}",
        BASE64_STANDARD.encode(event.sign(&secret(7)).json())
    );
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::from_str(&value).unwrap(),
    );
    let urls = ["wss://relay.example.com".to_owned()];
    let head = RequestHead {
        method: "POST",
        path_and_query: "/x",
        headers: &headers,
        place: Place {
            public_urls: &urls,
            local: None,
        },
        body,
        client: CLIENT,
    };
    node.authenticate(&head, NOW).await
}

#[tokio::test]
async fn g2_1_a_body_has_to_be_the_one_that_was_signed() {
    let house = House::new(Dialect::Sqlite).await;
    let node = node(&house, json!([])).await;
    // SHA-256 of "body".
    let hash = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5";
    post(&node, Some(hash), b"body").await.unwrap();
    assert_eq!(
        refused(post(&node, Some(hash), b"evil").await),
        Category::Request
    );
    assert_eq!(refused(post(&node, None, b"body").await), Category::Request);
    post(&node, None, b"").await.unwrap();
}

async fn g2_1_a_used_token_is_known_to_all_nodes_and_after_a_restart(house: House) {
    let records = node(&house, json!([])).await.registry().records().clone();
    let request = |number: u64| {
        let place = Place {
            public_urls: &[],
            local: None,
        };
        let (method, target) = ("GET", Target::Resource("/x"));
        let request = Request {
            method,
            target,
            place,
            body: &[],
            payload: Payload::Optional,
        };
        let event = EventBuilder::new(Kind::HTTP_AUTH, NOW)
            .tag(["u", "http://localhost/x"])
            .tag(["method", "GET"])
            .content(number.to_string())
            .sign(&secret(7));
        let value = format!("Nostr {}", BASE64_STANDARD.encode(event.json()));
        nip98::check(value.as_bytes(), &request, NOW).unwrap()
    };
    let (here, there) = (
        UsedTokens::new(records, 3),
        UsedTokens::new(house.open().await, 3),
    );
    here.use_up(&request(0), NOW).await.unwrap();
    assert_eq!(
        there.use_up(&request(0), NOW).await,
        Err(HttpAuthError::Used)
    );
    for number in 1..3 {
        there.use_up(&request(number), NOW).await.unwrap();
    }
    assert_eq!(
        here.use_up(&request(3), NOW).await,
        Err(HttpAuthError::Full)
    );
    assert_eq!(
        here.use_up(&request(0), later(60)).await,
        Err(HttpAuthError::Used),
        "to its last second"
    );
    assert_eq!(
        here.use_up(&request(0), later(61)).await,
        Err(HttpAuthError::Time)
    );
}

stentor_sql::both_engines!(g2_1_a_used_token_is_known_to_all_nodes_and_after_a_restart);
