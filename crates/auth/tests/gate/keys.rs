//! API keys, and requests without any credential.

use secrecy::ExposeSecret;
use serde_json::json;
use stentor_auth::{AuthFailure, Category, Credential, EndReason};
use stentor_sql::testing::House;

use crate::common::*;

async fn g2_2_a_key_revoked_on_one_node_ends_its_streams_on_another(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let minted = key(&here, NOW).await;
    let principal = with(&here, &minted.text, NOW).await.unwrap();
    assert_eq!(
        principal.credential,
        Credential::ApiKey(minted.key.id.clone())
    );
    there
        .registry()
        .revoke(&minted.key.id, None, later(1))
        .await
        .unwrap();
    assert_eq!(here.still_good(&principal, later(1)), Ok(()));
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        here.still_good(&principal, later(2)),
        Err(EndReason::Revoked)
    );
    assert_eq!(
        refused(with(&here, &minted.text, later(2)).await),
        Category::Revoked
    );
}

async fn g2_5_failures_are_told_without_what_was_shown(house: House) {
    let node = node(&house).await;
    let minted = key(&node, NOW).await;
    let mut forged = minted.text.expose_secret().to_owned();
    forged.replace_range(21..22, if &forged[21..22] == "A" { "B" } else { "A" });
    assert_eq!(refused(bearer(&node, &forged, NOW).await), Category::Forged);
    node.audit().flush(NOW).await.unwrap();
    let lines = node.audit().read(None, None, 10).await.unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].credential, Some(format!("key:{}", minted.key.id)));
    assert_eq!(lines[0].address.as_deref(), Some("192.0.2.1"));
    assert_eq!(
        lines[0].surface.as_deref(),
        Some("/api/v1/events"),
        "without the query"
    );
    assert!(!format!("{lines:?}").contains(&forged[21..]));
}

stentor_sql::both_engines!(
    g2_2_a_key_revoked_on_one_node_ends_its_streams_on_another,
    g2_5_failures_are_told_without_what_was_shown,
);

#[tokio::test]
async fn g2_1_nobody_gets_in_with_nothing_unless_it_is_open() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let closed = node(&house).await;
    assert_eq!(ask(&closed, "", NOW).await, Err(AuthFailure::Missing));
    let open = node_with(
        &house,
        json!({"public": ["events:relay:read"]}),
        "secrets",
        NOW,
    )
    .await;
    let principal = ask(&open, "", NOW).await.unwrap();
    assert_eq!(
        (principal.scopes, &principal.credential),
        (scopes("events:relay:read"), &Credential::Public)
    );
    assert!(principal.keys.is_empty() && principal.tenant.is_default());
    assert_eq!(
        refused(bearer(&open, "stk_x", NOW).await),
        Category::Malformed,
        "what is shown has to be good"
    );
}

#[tokio::test]
async fn g2_1_what_nobody_knows_is_refused() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let node = node(&house).await;
    for (token, category) in [
        (
            "stk_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Category::Unknown,
        ),
        ("stk_0123456789abcdef_AAAA", Category::Malformed),
        (
            "stt_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Category::Malformed,
        ),
        ("opaque", Category::Unknown),
        ("e30.e30.AAAA", Category::Malformed),
        ("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.", Category::Issuer),
    ] {
        assert_eq!(
            refused(bearer(&node, token, NOW).await),
            category,
            "{token}"
        );
    }
    assert_eq!(
        refused(ask(&node, "Basic YTpi", NOW).await),
        Category::Malformed
    );
}
