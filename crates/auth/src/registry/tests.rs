//! Keys and tenants, on both databases; two nodes over one.

use secrecy::ExposeSecret;
use stentor_event::PublicKey;
use stentor_sql::testing::House;

use super::*;
use crate::random;
use crate::{AuthFailure, Category, Scope, Scopes};

const NOW: Timestamp = Timestamp(1_700_000_000);

fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

async fn node(house: &House) -> Registry {
    Registry::open(house.open().await, &Limits::default(), NOW)
        .await
        .unwrap()
}

fn new(name: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        scopes: Scopes::NONE.with(Scope::NostrRead),
        ..NewKey::default()
    }
}

fn text(minted: &Minted) -> KeyText {
    minted.text.expose_secret().parse().unwrap()
}

fn category(failure: AuthFailure) -> Category {
    match failure {
        AuthFailure::Invalid { category, .. } => category,
        other => panic!("{other:?}"),
    }
}

async fn g2_1_a_key_is_its_principal(house: House) {
    let node = node(&house).await;
    let minted = node
        .mint(
            NewKey {
                nostr_key: Some(PublicKey([1; 32])),
                expires_at: Some(later(100)),
                ..new("ci")
            },
            NOW,
        )
        .await
        .unwrap();
    let principal = node.authenticate(&text(&minted), NOW).await.unwrap();
    assert_eq!(principal.subject, format!("key:{}", minted.key.id));
    assert_eq!(principal.scopes, Scopes::NONE.with(Scope::NostrRead));
    assert!(principal.tenant.is_default());
    assert_eq!(
        (principal.keys.as_slice(), principal.expires_at),
        (&[PublicKey([1; 32])][..], Some(later(100)))
    );
    assert_eq!(node.still_good(&principal, later(1)), Ok(()));
    assert_eq!(
        node.still_good(&principal, later(100)),
        Err(EndReason::Expired)
    );
    node.poll(later(100)).await.unwrap();
    let failure = node
        .authenticate(&text(&minted), later(100))
        .await
        .unwrap_err();
    assert_eq!(category(failure), Category::Expired);
}

async fn g2_1_only_the_hash_is_kept(house: House) {
    let node = node(&house).await;
    let minted = node.mint(new("ci"), NOW).await.unwrap();
    let secret = text(&minted).secret;
    let (hash,): (Vec<u8>,) = node
        .records
        .fetch_one("SELECT hash FROM auth_keys", ())
        .await
        .unwrap();
    assert_eq!(hash, random::hash(&secret));
    let whole = minted.text.expose_secret();
    assert!(!format!("{minted:?}{:?}", text(&minted)).contains(&whole[20..]));
    let row: Vec<stentor_sql::Row> = node
        .records
        .fetch_all("SELECT * FROM auth_keys", ())
        .await
        .unwrap();
    assert!(!format!("{row:?}").contains(&whole[21..]));
}

async fn g2_1_a_forged_or_unknown_key_is_refused(house: House) {
    let node = node(&house).await;
    let minted = node.mint(new("ci"), NOW).await.unwrap();
    let mut forged = text(&minted);
    forged.secret[31] ^= 1;
    let failure = node.authenticate(&forged, NOW).await.unwrap_err();
    assert_eq!(
        failure,
        AuthFailure::of(Category::Forged, format!("key:{}", minted.key.id))
    );
    let mut unknown = text(&minted);
    unknown.id = "0".repeat(16);
    assert_eq!(
        category(node.authenticate(&unknown, NOW).await.unwrap_err()),
        Category::Unknown
    );
}

async fn g2_2_a_key_revoked_on_another_node_ends_here_with_the_poll(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let minted = here.mint(new("ci"), NOW).await.unwrap();
    let principal = here.authenticate(&text(&minted), NOW).await.unwrap();
    assert!(there.revoke(&minted.key.id, None, later(1)).await.unwrap());
    assert!(!there.revoke(&minted.key.id, None, later(1)).await.unwrap());
    assert_eq!(
        here.still_good(&principal, later(1)),
        Ok(()),
        "not heard of yet"
    );
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        here.still_good(&principal, later(2)),
        Err(EndReason::Revoked)
    );
    for node in [&here, &there] {
        let failure = node
            .authenticate(&text(&minted), later(2))
            .await
            .unwrap_err();
        assert_eq!(category(failure), Category::Revoked);
    }
}

async fn g2_1_a_key_made_on_another_node_is_found_at_its_first_use(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let minted = there.mint(new("ci"), NOW).await.unwrap();
    here.authenticate(&text(&minted), later(1)).await.unwrap();
    let second = there.mint(new("ci"), later(1)).await.unwrap();
    let failure = here
        .authenticate(&text(&second), later(1))
        .await
        .unwrap_err();
    assert_eq!(
        category(failure),
        Category::Unknown,
        "it looks once a second"
    );
    here.authenticate(&text(&second), later(2)).await.unwrap();
}

async fn g2_2_a_disabled_tenant_ends_on_all_nodes(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let acme: Tenant = "acme".parse().unwrap();
    let of_acme = NewKey {
        tenant: acme.clone(),
        ..new("ci")
    };
    let missing = here.mint(of_acme.clone(), NOW).await.unwrap_err();
    assert_eq!(missing, ManageError::NoSuchTenant("acme".into()));
    there.create_tenant(acme.clone(), NOW).await.unwrap();
    let twice = there.create_tenant(acme.clone(), NOW).await.unwrap_err();
    assert_eq!(twice, ManageError::TenantExists("acme".into()));
    let minted = here.mint(of_acme.clone(), NOW).await.unwrap();
    let principal = here.authenticate(&text(&minted), NOW).await.unwrap();
    assert!(there.disable_tenant(acme.clone(), true, NOW).await.unwrap());
    here.poll(later(2)).await.unwrap();
    assert_eq!(
        here.still_good(&principal, later(2)),
        Err(EndReason::TenantDisabled)
    );
    let failure = here
        .authenticate(&text(&minted), later(2))
        .await
        .unwrap_err();
    assert_eq!(category(failure), Category::Tenant);
    assert!(matches!(
        here.mint(of_acme, NOW).await,
        Err(ManageError::NoSuchTenant(_))
    ));
    assert!(here.disable_tenant(acme, false, later(3)).await.unwrap());
    here.authenticate(&text(&minted), later(3)).await.unwrap();
    let default = here
        .disable_tenant(Tenant::default(), true, NOW)
        .await
        .unwrap_err();
    assert_eq!(default, ManageError::DefaultTenant);
    let names: Vec<_> = here
        .tenants(None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|t| t.name.to_string())
        .collect();
    assert_eq!(names, ["acme", "default"]);
}

async fn g2_1_use_is_noted_once_a_minute(house: House) {
    let node = node(&house).await;
    let minted = node.mint(new("ci"), NOW).await.unwrap();
    let used = async || {
        node.note_uses().await.unwrap();
        node.keys(None, None, 10).await.unwrap()[0].used_at
    };
    assert_eq!(used().await, None);
    for (at, noted) in [(0, 0), (59, 0), (60, 60), (61, 60)] {
        node.poll(later(at)).await.unwrap();
        node.authenticate(&text(&minted), later(at)).await.unwrap();
        assert_eq!(used().await, Some(NOW.0 + noted), "{at}");
    }
}

async fn g2_1_lists_are_paged_and_kept_apart(house: House) {
    let node = node(&house).await;
    let acme: Tenant = "acme".parse().unwrap();
    node.create_tenant(acme.clone(), NOW).await.unwrap();
    for name in ["a", "b", "c"] {
        node.mint(new(name), NOW).await.unwrap();
    }
    let own = node
        .mint(
            NewKey {
                tenant: acme.clone(),
                ..new("d")
            },
            NOW,
        )
        .await
        .unwrap();
    let of_acme = node.keys(Some(&acme), None, 10).await.unwrap();
    assert_eq!(of_acme, std::slice::from_ref(&own.key));
    let first = node.keys(None, None, 3).await.unwrap();
    let rest = node.keys(None, Some(&first[2].id), 3).await.unwrap();
    assert_eq!((first.len(), rest.len()), (3, 1));
    let stranger = node
        .revoke(&own.key.id, Some(&Tenant::default()), NOW)
        .await
        .unwrap_err();
    assert_eq!(stranger, ManageError::NoSuchKey);
}

async fn g2_1_numbers_are_limited_and_ended_keys_make_room(house: House) {
    let limits = Limits {
        api_keys: 2,
        tenants: 2,
        ..Limits::default()
    };
    let node = Registry::open(house.open().await, &limits, NOW)
        .await
        .unwrap();
    let first = node.mint(new("a"), NOW).await.unwrap();
    node.mint(new("b"), NOW).await.unwrap();
    let full = node.mint(new("c"), NOW).await.unwrap_err();
    assert_eq!(
        full,
        ManageError::TooMany {
            what: "keys",
            most: 2
        }
    );
    node.revoke(&first.key.id, None, NOW).await.unwrap();
    assert!(node.mint(new("c"), NOW).await.is_err(), "still listed");
    node.mint(new("c"), later(ENDED_KEPT)).await.unwrap();
    assert!(
        node.key(&first.key.id).is_none(),
        "forgotten in memory, too"
    );
    node.create_tenant("x".parse().unwrap(), NOW).await.unwrap();
    let full = node
        .create_tenant("y".parse().unwrap(), NOW)
        .await
        .unwrap_err();
    assert_eq!(
        full,
        ManageError::TooMany {
            what: "tenants",
            most: 2
        }
    );
}

async fn g2_2_other_credentials_are_revoked_by_their_ids(house: House) {
    let (here, there) = (node(&house).await, node(&house).await);
    let mut principal = Principal::public(Scopes::NONE);
    principal.credential = Credential::Token {
        issuer: "i".into(),
        id: "1".into(),
    };
    assert_eq!(here.still_good(&principal, NOW), Ok(()));
    there
        .revoke_credential(&principal.credential, later(100), NOW)
        .await
        .unwrap();
    here.poll(later(1)).await.unwrap();
    assert_eq!(
        here.still_good(&principal, later(1)),
        Err(EndReason::Revoked)
    );
    let ticket = Credential::Ticket {
        id: "t".into(),
        number: 1,
    };
    let token = std::mem::replace(&mut principal.credential, ticket);
    assert_eq!(here.still_good(&principal, later(1)), Ok(()));
    principal.minted_by = vec![token];
    assert_eq!(
        here.still_good(&principal, later(1)),
        Err(EndReason::Revoked),
        "what it was made with"
    );
    here.poll(later(219)).await.unwrap();
    assert_eq!(here.state.read().revoked.len(), 1);
    here.poll(later(220)).await.unwrap();
    assert!(here.state.read().revoked.is_empty());
    let key = Credential::ApiKey("x".into());
    assert!(here.revoke_credential(&key, later(1), NOW).await.is_err());
}

async fn g2_1_a_key_that_cannot_be_read_harms_no_other(house: House) {
    let node = node(&house).await;
    let (broken, whole) = (
        node.mint(new("a"), NOW).await,
        node.mint(new("b"), NOW).await,
    );
    let (broken, whole) = (broken.unwrap(), whole.unwrap());
    let (first, second) = (broken.key.id.clone(), whole.key.id.clone());
    node.records
        .write(move |tx| {
            let version = crate::schema::next_version(tx)?;
            let sql = "UPDATE auth_keys SET tenant = 'A B', version = ? WHERE id = ?";
            tx.execute(sql, (version, &first))?;
            // Of a newer version, which knows more.
            let version = crate::schema::next_version(tx)?;
            let sql = "UPDATE auth_keys SET scopes = 'new:scope events:nostr:read', version = ? WHERE id = ?";
            tx.execute(sql, (version, &second))
        })
        .await
        .unwrap();
    node.poll(later(1)).await.unwrap();
    let failure = node.authenticate(&text(&broken), later(1)).await;
    assert_eq!(category(failure.unwrap_err()), Category::Unknown);
    let principal = node.authenticate(&text(&whole), later(1)).await.unwrap();
    assert_eq!(principal.scopes, Scopes::NONE.with(Scope::NostrRead));
}

stentor_sql::both_engines!(
    g2_1_a_key_is_its_principal,
    g2_1_only_the_hash_is_kept,
    g2_1_a_forged_or_unknown_key_is_refused,
    g2_2_a_key_revoked_on_another_node_ends_here_with_the_poll,
    g2_1_a_key_made_on_another_node_is_found_at_its_first_use,
    g2_2_a_disabled_tenant_ends_on_all_nodes,
    g2_1_use_is_noted_once_a_minute,
    g2_1_lists_are_paged_and_kept_apart,
    g2_1_numbers_are_limited_and_ended_keys_make_room,
    g2_2_other_credentials_are_revoked_by_their_ids,
    g2_1_a_key_that_cannot_be_read_harms_no_other,
);

#[tokio::test]
async fn g6_3_without_the_database_known_keys_are_good_for_a_minute() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let node = node(&house).await;
    let minted = node.mint(new("ci"), NOW).await.unwrap();
    let principal = node.authenticate(&text(&minted), NOW).await.unwrap();
    node.records.close().await;
    assert!(node.poll(later(30)).await.is_err());
    node.authenticate(&text(&minted), later(60)).await.unwrap();
    assert_eq!(node.still_good(&principal, later(60)), Ok(()));
    let failure = node
        .authenticate(&text(&minted), later(61))
        .await
        .unwrap_err();
    assert_eq!(failure, AuthFailure::unavailable());
    assert_eq!(
        node.still_good(&principal, later(61)),
        Err(EndReason::Unverified)
    );
    let public = Principal::public(Scopes::NONE);
    assert_eq!(node.still_good(&public, later(61)), Ok(()));
}

#[tokio::test]
async fn g2_1_names_and_ends_are_checked() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let node = node(&house).await;
    for name in ["", "a\nb", &"x".repeat(101)] {
        assert_eq!(
            node.mint(new(name), NOW).await.unwrap_err(),
            ManageError::Name
        );
    }
    let ended = NewKey {
        expires_at: Some(NOW),
        ..new("a")
    };
    assert_eq!(
        node.mint(ended, NOW).await.unwrap_err(),
        ManageError::Expired
    );
}
