//! What can be configured and what cannot.

use serde_json::json;

use super::*;

fn refused(json: serde_json::Value) -> String {
    let config: Config = serde_json::from_value(json).unwrap();
    config.check().unwrap_err().key
}

fn issuer(extra: serde_json::Value) -> serde_json::Value {
    let mut issuer = json!({
        "issuer": "https://id.example", "jwks_url": "https://id.example/keys", "audience": "us",
        "allowed": ["events:nostr:read", "events:jobs:read:own"],
    });
    issuer
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    issuer
}

fn claims(json: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    json.as_object().unwrap().clone()
}

#[test]
fn g2_1_nothing_is_open_by_default() {
    let config = Config::default();
    config.check().unwrap();
    assert!(config.public().is_empty() && config.nostr.any().is_empty());
    assert!(config.issuers.is_empty() && config.introspection.url.is_none());
}

#[test]
fn g2_1_what_cannot_be_used_is_named() {
    assert_eq!(refused(json!({"public": ["admin"]})), "public");
    assert_eq!(
        refused(json!({"nostr": {"scopes": ["admin"]}})),
        "nostr.scopes"
    );
    assert_eq!(
        refused(json!({"nostr": {"keys": [{"key": "x"}]}})),
        "nostr.keys[0].key"
    );
    assert_eq!(refused(json!({"tokens": {"seconds": 1}})), "tokens.seconds");
    assert_eq!(
        refused(json!({"limits": {"outage_seconds": 0}})),
        "limits.outage_seconds"
    );
    assert_eq!(
        refused(json!({"issuers": [issuer(json!({"audience": ""}))]})),
        "issuers[0].audience"
    );
    assert_eq!(
        refused(json!({"issuers": [issuer(json!({"allowed": []}))]})),
        "issuers[0].allowed"
    );
    assert_eq!(
        refused(json!({"issuers": [issuer(json!({"scope_map": ["a=b"]}))]})),
        "issuers[0].scope_map"
    );
    assert_eq!(
        refused(json!({"issuers": [issuer(json!({"tenant": "A"}))]})),
        "issuers[0].tenant"
    );
    assert_eq!(
        refused(json!({"issuers": [issuer(json!({})), issuer(json!({}))]})),
        "issuers[1].issuer"
    );
    assert_eq!(
        refused(json!({"issuers": [issuer(json!({"issuer": "stentor"}))]})),
        "issuers[0].issuer"
    );
    assert_eq!(
        refused(json!({"introspection": {"url": "https://a"}})),
        "introspection.client_id"
    );
    assert!(serde_json::from_value::<Config>(json!({"public": ["events:all"]})).is_err());
    assert!(serde_json::from_value::<Config>(json!({"open": true})).is_err());
}

#[test]
fn g2_1_limits_may_be_off() {
    let config: Config =
        serde_json::from_value(json!({"limits": {"api_keys": 0, "tickets": 0}})).unwrap();
    config.check().unwrap();
}

#[test]
fn g2_3_scopes_of_others_are_mapped_and_stay_below_the_ceiling() {
    let own: Issuer = serde_json::from_value(issuer(json!({}))).unwrap();
    let own = own.mapping("x").unwrap();
    let scopes = |mapping: &Mapping, json| mapping.scopes(&claims(json)).to_string();
    let text = json!({"scope": "openid events:nostr:read events:jobs:read:all admin"});
    assert_eq!(scopes(&own, text), "events:nostr:read events:jobs:read:own");
    assert_eq!(
        scopes(&own, json!({"scope": ["events:nostr:read", 1]})),
        "events:nostr:read"
    );
    assert_eq!(scopes(&own, json!({"scope": 1})), "");
    let mapped = json!({"scope_claim": "roles", "scope_map": ["reader=events:nostr:read", "reader=events:jobs:read:own"]});
    let mapped: Issuer = serde_json::from_value(issuer(mapped)).unwrap();
    let mapped = mapped.mapping("x").unwrap();
    let roles = json!({"roles": ["reader"], "scope": "admin"});
    assert_eq!(
        scopes(&mapped, roles),
        "events:nostr:read events:jobs:read:own"
    );
    assert_eq!(scopes(&mapped, json!({"roles": ["events:nostr:read"]})), "");
}

#[test]
fn g2_3_the_tenant_is_fixed_or_in_a_claim() {
    let fixed: Issuer = serde_json::from_value(issuer(json!({"tenant": "acme"}))).unwrap();
    let fixed = fixed.mapping("x").unwrap();
    let tenant = |mapping: &Mapping, json| {
        mapping
            .tenant(&claims(json))
            .map(|tenant| tenant.to_string())
    };
    assert_eq!(
        tenant(&fixed, json!({"tenant": "other"})).as_deref(),
        Some("acme")
    );
    let claim: Issuer = serde_json::from_value(issuer(json!({"tenant_claim": "org"}))).unwrap();
    let claim = claim.mapping("x").unwrap();
    assert_eq!(
        tenant(&claim, json!({"org": "other"})).as_deref(),
        Some("other")
    );
    for missing in [
        json!({}),
        json!({"org": "A B"}),
        json!({"org": 1}),
        json!({"org": null}),
    ] {
        assert_eq!(tenant(&claim, missing), None);
    }
}
