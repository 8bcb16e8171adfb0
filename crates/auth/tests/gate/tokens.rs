//! Tokens of our own.

use secrecy::ExposeSecret;
use serde_json::json;
use stentor_auth::{Category, EndReason, ManageError, Principal, Scopes};
use stentor_sql::testing::House;

use crate::common::*;

async fn g2_1_a_token_is_its_principal_with_fewer_scopes(house: House) {
    let node = node(&house).await;
    let minted = key(&node, NOW).await;
    let principal = with(&node, &minted.text, NOW).await.unwrap();
    let wish = scopes("events:nostr:read admin");
    let issued = node.issue_token(&principal, wish, 600, NOW).unwrap();
    assert_eq!(issued.expires_at, later(600));
    let again = with(&node, &issued.token, later(1)).await.unwrap();
    assert_eq!(
        (&again.subject, &again.tenant, again.scopes),
        (
            &principal.subject,
            &principal.tenant,
            scopes("events:nostr:read")
        )
    );
    assert_eq!(
        (again.credential, again.minted_by),
        (issued.credential, vec![principal.credential.clone()])
    );
    assert_eq!(
        refused(with(&node, &issued.token, later(660)).await),
        Category::Expired
    );
    // No longer than is configured, and no longer than what it was made with.
    let long = node.issue_token(&principal, wish, 1 << 40, NOW).unwrap();
    assert_eq!(long.expires_at, later(3_600));
    let ending = Principal {
        expires_at: Some(later(10)),
        ..principal
    };
    assert_eq!(
        node.issue_token(&ending, wish, 600, NOW)
            .unwrap()
            .expires_at,
        later(10)
    );
}

async fn g2_2_a_token_ends_with_the_key_that_it_was_made_with(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let minted = key(&here, NOW).await;
    let principal = with(&here, &minted.text, NOW).await.unwrap();
    let issued = here
        .issue_token(&principal, principal.scopes, 600, NOW)
        .unwrap();
    let streaming = with(&here, &issued.token, NOW).await.unwrap();
    there
        .registry()
        .revoke(&minted.key.id, None, NOW)
        .await
        .unwrap();
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        here.still_good(&streaming, later(2)),
        Err(EndReason::Revoked)
    );
    assert_eq!(
        refused(with(&here, &issued.token, later(2)).await),
        Category::Revoked
    );
}

async fn g2_2_a_token_is_revoked_by_itself(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let minted = key(&here, NOW).await;
    let principal = with(&here, &minted.text, NOW).await.unwrap();
    let issued = here
        .issue_token(&principal, principal.scopes, 600, NOW)
        .unwrap();
    there
        .registry()
        .revoke_credential(&issued.credential, issued.expires_at, NOW)
        .await
        .unwrap();
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        refused(with(&here, &issued.token, later(2)).await),
        Category::Revoked
    );
    // A token is let in for a minute after its end, as clocks differ: not so this one.
    here.poll(later(630)).await.unwrap();
    let late = with(&here, &issued.token, later(630)).await;
    assert_eq!(refused(late), Category::Revoked);
    let other = here.issue_token(&principal, principal.scopes, 600, NOW);
    with(&here, &other.unwrap().token, later(630))
        .await
        .unwrap();
    with(&here, &minted.text, later(2)).await.unwrap();
}

async fn g2_1_each_node_verifies_what_another_has_signed(house: House) {
    let here = node_with(&house, json!({}), "here", NOW).await;
    let minted = key(&here, NOW).await;
    let principal = with(&here, &minted.text, NOW).await.unwrap();
    // A node that comes later, with a key of its own: the first hears of it when it meets the first token.
    let there = node_with(&house, json!({}), "there", later(1)).await;
    let issued = there
        .issue_token(&principal, principal.scopes, 600, later(1))
        .unwrap();
    with(&here, &issued.token, later(2)).await.unwrap();
    let jwks = here.jwks(later(2)).unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    assert_eq!(jwks, there.jwks(later(2)).unwrap());
    for jwk in jwks["keys"].as_array().unwrap() {
        assert_eq!(
            (jwk["kty"].as_str(), jwk["crv"].as_str()),
            (Some("OKP"), Some("Ed25519"))
        );
        assert!(jwk.get("d").is_none(), "no private key");
    }
}

async fn g2_1_a_new_key_signs_and_the_old_one_verifies_until_its_tokens_have_ended(house: House) {
    let config = json!({"tokens": {"key_days": 1}});
    let node = node_with(&house, config.clone(), "secrets", NOW).await;
    let minted = key(&node, NOW).await;
    let day = 86_400;
    let principal = with(&node, &minted.text, NOW).await.unwrap();
    let old = node
        .issue_token(&principal, principal.scopes, 3_600, later(day - 1))
        .unwrap();
    node.tidy(later(day - 1)).await;
    assert_eq!(
        node.jwks(later(day - 1)).unwrap()["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    node.tidy(later(day)).await;
    assert_eq!(
        node.jwks(later(day)).unwrap()["keys"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let new = node
        .issue_token(&principal, principal.scopes, 3_600, later(day))
        .unwrap();
    let head =
        |token: &secrecy::SecretString| token.expose_secret().split('.').next().unwrap().to_owned();
    assert_ne!(head(&old.token), head(&new.token), "another kid");
    for token in [&old.token, &new.token] {
        with(&node, token, later(day + 1)).await.unwrap();
    }
    node.poll(later(day + 3_500)).await.unwrap();
    with(&node, &old.token, later(day + 3_500)).await.unwrap();
    node.poll(later(day + 3_800)).await.unwrap();
    assert_eq!(
        node.jwks(later(day + 3_800)).unwrap()["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // After a restart, the new key signs on.
    let again = node_with(&house, config, "secrets", later(day + 10)).await;
    let third = again
        .issue_token(&principal, principal.scopes, 60, later(day + 10))
        .unwrap();
    assert_eq!(head(&new.token), head(&third.token));
}

stentor_sql::both_engines!(
    g2_1_a_token_is_its_principal_with_fewer_scopes,
    g2_2_a_token_ends_with_the_key_that_it_was_made_with,
    g2_2_a_token_is_revoked_by_itself,
    g2_1_each_node_verifies_what_another_has_signed,
    g2_1_a_new_key_signs_and_the_old_one_verifies_until_its_tokens_have_ended,
);

#[tokio::test]
async fn g2_1_our_token_has_to_be_ours_and_for_us() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let node = node(&house).await;
    let minted = key(&node, NOW).await;
    let principal = with(&node, &minted.text, NOW).await.unwrap();
    let issued = node
        .issue_token(&principal, principal.scopes, 600, NOW)
        .unwrap();
    // Another deployment with the same names.
    let elsewhere = House::new(stentor_sql::Dialect::Sqlite).await;
    let other = crate::common::node(&elsewhere).await;
    assert_eq!(
        refused(with(&other, &issued.token, NOW).await),
        Category::UnknownKey
    );
    // The same keys, another audience.
    let audience = json!({"tokens": {"audience": "them"}});
    let other = node_with(&house, audience, "secrets", NOW).await;
    assert_eq!(
        refused(with(&other, &issued.token, NOW).await),
        Category::Audience
    );
    // Another issuer's name.
    let issuer = json!({"tokens": {"issuer": "them"}});
    let other = node_with(&house, issuer, "secrets", NOW).await;
    assert_eq!(
        refused(with(&other, &issued.token, NOW).await),
        Category::Issuer
    );
    // Forged, by one bit of the claims.
    let text = issued.token.expose_secret();
    let (head, rest) = text.split_once('.').unwrap();
    let place = rest.len() / 4;
    let changed = if rest.as_bytes()[place] == b'A' {
        "B"
    } else {
        "A"
    };
    let forged = format!("{head}.{}{changed}{}", &rest[..place], &rest[place + 1..]);
    assert!(bearer(&node, &forged, NOW).await.is_err());
    with(&node, &issued.token, NOW).await.unwrap();
}

#[tokio::test]
async fn g2_1_who_has_shown_nothing_lasting_gets_no_token() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let node = node(&house).await;
    let public = Principal::public(scopes("events:relay:read"));
    let refused = node
        .issue_token(&public, Scopes::NONE, 60, NOW)
        .unwrap_err();
    assert_eq!(refused, ManageError::NotForThis);
    let without = node_with(&house, json!({"tokens": {"enabled": false}}), "none", NOW).await;
    assert!(without.jwks(NOW).is_none() && !house.folder().join("none").exists());
    let minted = key(&without, NOW).await;
    let principal = with(&without, &minted.text, NOW).await.unwrap();
    assert!(
        without
            .issue_token(&principal, Scopes::NONE, 60, NOW)
            .is_err()
    );
    // A token made with a token made with a token …
    let mut principal = with(&node, &minted.text, later(1)).await.unwrap();
    let mut made = 0;
    while let Ok(issued) = node.issue_token(&principal, principal.scopes, 60, later(1)) {
        principal = with(&node, &issued.token, later(1)).await.unwrap();
        made += 1;
        assert!(made < 10);
    }
    assert_eq!(made, 4);
}
