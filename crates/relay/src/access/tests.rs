//! Changes, the records behind them, and what is read back of them.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use stentor_auth::Place;
use stentor_auth::nip98::{self, HttpAuthError, Payload, ReplayGuard, Target, Token};
use stentor_event::{EventBuilder, EventId, Kind, PublicKey, SecretKey, Timestamp};
use stentor_net::client::Cidr;
use stentor_sql::{DatabaseConfig, Migrations, Transaction};
use tempfile::TempDir;
use tokio::time::timeout;

use super::audit::Class;
use super::*;

const NOW: u64 = 1_700_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn key(number: u8) -> PublicKey {
    PublicKey([number; 32])
}

async fn records(folder: &Path, rows: usize) -> Database {
    let config = DatabaseConfig {
        path: folder.join("records.sqlite"),
        rows,
        ..DatabaseConfig::default()
    };
    Database::open(&config).await.unwrap()
}

async fn opened() -> (Access, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::open(records(folder.path(), 100_000).await);
    (access.await.unwrap(), folder)
}

async fn write(
    access: &Access,
    closure: impl Fn(&mut Transaction<'_>) -> Result<(), stentor_sql::Error> + Send + 'static,
) {
    access.records().write(closure).await.unwrap();
}

fn actor(number: u8, class: Class) -> Actor {
    Actor::key(&key(number), IpAddr::from([192, 0, 2, number]), class)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_2_a_change_that_nobody_waits_for_is_in_force() {
    let (access, _folder) = opened().await;
    let mut changes = access.watch();
    let shell = Actor::shell();
    let mut begun = Box::pin(access.apply(Change::BanKey(key(1), None), &shell, NOW));
    assert!((&mut begun).now_or_never().is_none());
    drop(begun);
    let changed = timeout(PATIENCE, changes.changed()).await;
    changed.expect("memory follows the records").unwrap();
    assert!(access.lists().bans(&key(1)));
    assert_eq!(access.log().read(None, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_1_a_join_that_nobody_waits_for_is_in_force() {
    let (access, _folder) = opened().await;
    let claim = access.invite(NewInvite::default(), NOW).await.unwrap();
    let mut changes = access.watch();
    let by = actor(1, Class::Member);
    let mut begun = Box::pin(access.join(key(1), &claim, &by, NOW));
    assert!((&mut begun).now_or_never().is_none());
    drop(begun);
    let changed = timeout(PATIENCE, changes.changed()).await;
    changed.expect("memory follows the records").unwrap();
    assert!(access.lists().members.contains_key(&key(1)));
    let lines = access.log().read(None, 10).await.unwrap();
    assert_eq!(lines[0].method, "join");
    assert_eq!(lines[0].address.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn r3_2_work_that_panics_is_an_error_and_hangs_nobody() {
    let work = async {
        assert_eq!(1, 2, "on purpose");
        Ok::<(), AccessError>(())
    };
    let done = timeout(PATIENCE, to_the_end(work)).await.unwrap();
    assert_eq!(done, Err(AccessError::Interrupted));
}

#[tokio::test]
async fn r3_2_lines_that_anybody_can_cause_are_bounded_and_wash_out_no_others() {
    let (access, _folder) = opened().await;
    let log = access.log();
    for class in [Class::Call, Class::Refused, Class::Member] {
        let by = actor(1, class);
        log.write(&by, "banevent", "[]", "x", NOW).await.unwrap();
    }
    write(&access, |tx| {
        for _ in 0..10_500 {
            tx.execute(
                "INSERT INTO relay_audit (at, actor, method, params, outcome, class)
                 VALUES (1, 'stranger', 'm', '[]', 'forbidden', 2)",
                (),
            )?;
        }
        Ok(())
    })
    .await;
    let stranger = actor(2, Class::Stranger);
    let count = || async {
        let counted: Vec<(i64, i64)> = access
            .records()
            .fetch_all(
                "SELECT class, COUNT(*) FROM relay_audit GROUP BY class ORDER BY class",
                (),
            )
            .await
            .unwrap();
        counted
    };
    let forbidden = || log.write(&stranger, "banevent", "[]", "forbidden", NOW);
    forbidden().await.unwrap();
    assert_eq!(count().await, [(0, 1), (1, 1), (2, 10_000), (3, 1)]);
    let newest = log.read(None, 1).await.unwrap();
    assert_eq!(newest[0].actor, key(2).to_string(), "the newest stay");
    // From then on a thousand too many come before they are removed.
    let more: Vec<_> = (0..999).map(|_| forbidden()).collect();
    futures_util::future::try_join_all(more).await.unwrap();
    assert_eq!(count().await[2], (2, 10_999));
    forbidden().await.unwrap();
    assert_eq!(count().await[2], (2, 10_000));
}

#[tokio::test]
async fn r3_2_trimming_the_log_goes_by_an_index() {
    let (access, _folder) = opened().await;
    let plan: Vec<(i64, i64, i64, String)> = access
        .records()
        .fetch_all(
            "EXPLAIN QUERY PLAN SELECT id FROM relay_audit WHERE class = ? AND class > 0
             ORDER BY id DESC LIMIT 1 OFFSET ?",
            (2, 10_000),
        )
        .await
        .unwrap();
    assert!(plan[0].3.contains("relay_audit_class"), "{plan:?}");
    assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
}

#[tokio::test]
async fn r3_2_lists_of_any_length_are_read_whatever_an_answer_may_hold() {
    let (access, folder) = opened().await;
    write(&access, |tx| {
        for number in 0_u8..25 {
            let key = [number; 32];
            for text in [
                "INSERT INTO relay_banned_keys (pubkey, at) VALUES (?, 0)",
                "INSERT INTO relay_allowed_keys (pubkey, at) VALUES (?, 0)",
                "INSERT INTO relay_events (id, banned, at) VALUES (?, TRUE, 0)",
                "INSERT INTO relay_members (pubkey, joined_at) VALUES (?, 0)",
                "INSERT INTO relay_member_roles (pubkey, role) VALUES (?, 'role 7')",
                "INSERT INTO relay_announced (pubkey) VALUES (?)",
                "INSERT INTO relay_moderation (id, first_at, reason, suspect) VALUES (?, 0, '', TRUE)",
            ] {
                tx.execute(text, (key,))?;
            }
            let network = format!("192.0.2.{number}/32");
            tx.execute(
                "INSERT INTO relay_blocked (network, at) VALUES (?, 0)",
                (network,),
            )?;
            for allowed in [true, false] {
                tx.execute(
                    "INSERT INTO relay_kinds (kind, allowed) VALUES (?, ?)",
                    (i64::from(number), allowed),
                )?;
            }
            let role = format!("role {number}");
            tx.execute("INSERT INTO relay_roles (id) VALUES (?)", (role,))?;
        }
        Ok(())
    })
    .await;
    let narrow = Access::open(records(folder.path(), 10).await)
        .await
        .unwrap();
    let lists = narrow.lists();
    assert_eq!(lists.banned_keys.len(), 25);
    assert_eq!(lists.allowed_keys.len(), 25);
    assert_eq!(lists.banned_events.len(), 25);
    assert_eq!(lists.members.len(), 25);
    assert_eq!(
        (lists.allowed_kinds.len(), lists.denied_kinds.len()),
        (25, 25)
    );
    assert_eq!((lists.roles.len(), lists.blocked.reasons().len()), (25, 25));
    assert!((0..25).all(|number| lists.blocks(IpAddr::from([192, 0, 2, number]))));
    assert!((0..25).all(|number| lists.members[&key(number)].roles.contains("role 7")));
    let announced = load::announced(narrow.records()).await.unwrap();
    assert_eq!(announced.len(), 25);
    let suspects = narrow.suspects();
    assert!((0..25).all(|number| suspects.contains(&EventId([number; 32]))));
}

#[tokio::test]
async fn r3_2_taking_the_last_key_off_the_list_opens_nothing() {
    let (access, folder) = opened().await;
    let shell = Actor::shell();
    let apply = |change| access.apply(change, &shell, NOW);
    apply(Change::AllowKey(key(1), None)).await.unwrap();
    apply(Change::UnallowKey(key(1), None)).await.unwrap();
    assert!(access.lists().has_allow_list() && !access.lists().admits(&key(1)));
    let again = Access::open(records(folder.path(), 1_000).await).await;
    assert!(again.unwrap().lists().has_allow_list(), "after a restart");
    // The way of the shell.
    apply(Change::AllowKey(key(1), None)).await.unwrap();
    apply(Change::AllowKey(key(2), None)).await.unwrap();
    apply(Change::ReleaseKey(key(1), None)).await.unwrap();
    assert!(access.lists().has_allow_list(), "one is left");
    apply(Change::ReleaseKey(key(2), None)).await.unwrap();
    assert!(!access.lists().has_allow_list());
    let again = Access::open(records(folder.path(), 1_000).await).await;
    assert!(!again.unwrap().lists().has_allow_list(), "after a restart");
}

#[tokio::test]
async fn r3_2_records_of_before_mean_what_they_meant() {
    let folder = tempfile::tempdir().unwrap();
    let old = records(folder.path(), 1_000).await;
    let steps = &schema::MIGRATIONS.steps[..4];
    let role = schema::MIGRATIONS.role;
    old.migrate(&Migrations { role, steps }).await.unwrap();
    old.write(|tx| {
        tx.execute(
            "INSERT INTO relay_allowed_keys (pubkey, at) VALUES (?, 0)",
            ([1; 32],),
        )?;
        for (id, reason) in [([1; 32], "reported: spam: x"), ([2; 32], "the word casino")] {
            tx.execute(
                "INSERT INTO relay_moderation (id, first_at, hits, reason) VALUES (?, 0, 3, ?)",
                (id, reason),
            )?;
        }
        tx.execute(
            "INSERT INTO relay_audit (at, actor, method, params, outcome)
             VALUES (0, 'a', 'm', '[]', 'ok')",
            (),
        )
    })
    .await
    .unwrap();
    old.close().await;
    let access = Access::open(records(folder.path(), 1_000).await)
        .await
        .unwrap();
    assert!(access.lists().has_allow_list());
    let suspect = |number| access.suspects().contains(&EventId([number; 32]));
    assert!(suspect(2) && !suspect(1));
    assert_eq!(access.log().read(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn r1_13_no_ban_bars_a_request_to_vanish() {
    let secret = SecretKey::from_bytes([7; 32]).unwrap();
    let made = |kind| EventBuilder::new(kind, Timestamp(NOW)).sign(&secret);
    let (note, vanish) = (made(Kind(1)), made(Kind::VANISH));
    let (access, _folder) = opened().await;
    assert!(!access.lists().bars(&note));
    let shell = Actor::shell();
    let change = Change::BanKey(secret.public_key(), None);
    access.apply(change, &shell, NOW).await.unwrap();
    let change = Change::BanEvent(vanish.id(), None);
    access.apply(change, &shell, NOW).await.unwrap();
    assert!(access.lists().bars(&note));
    assert!(!access.lists().bars(&vanish));
}

#[tokio::test]
async fn r3_1_a_banned_member_is_none() {
    let (access, _folder) = opened().await;
    let shell = Actor::shell();
    let role = Role {
        id: "host".into(),
        ..Role::default()
    };
    for change in [
        Change::CreateRole(role),
        Change::AssignRole(key(1), "host".into()),
        Change::AllowKey(key(2), None),
    ] {
        access.apply(change, &shell, NOW).await.unwrap();
    }
    let stands = || {
        let lists = access.lists();
        let host = lists.has_role(&key(1), &["host".into()]);
        [lists.admits(&key(1)), host, lists.admits(&key(2))]
    };
    assert_eq!(stands(), [true; 3]);
    for number in [1, 2] {
        let change = Change::BanKey(key(number), None);
        access.apply(change, &shell, NOW).await.unwrap();
    }
    assert_eq!(stands(), [false; 3]);
}

/// A token of NIP-98, made at this time.
fn token(number: u64, at: u64) -> Token {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    let secret = SecretKey::from_bytes([7; 32]).unwrap();
    let event = EventBuilder::new(Kind::HTTP_AUTH, Timestamp(at))
        .tag(["u", "ws://localhost"])
        .tag(["method", "POST"])
        .tag(["nonce", &number.to_string()])
        .sign(&secret);
    let header = format!("Nostr {}", BASE64_STANDARD.encode(event.json()));
    let request = nip98::Request {
        method: "POST",
        target: Target::Relay,
        place: Place {
            public_urls: &["ws://localhost".to_owned()],
            local: None,
        },
        body: b"",
        payload: Payload::Optional,
    };
    nip98::check(header.as_bytes(), &request, Timestamp(at)).unwrap()
}

#[tokio::test]
async fn r3_3_a_used_token_is_known_to_all_nodes_and_after_a_restart() {
    let (one, folder) = opened().await;
    let other = Access::open(records(folder.path(), 1_000).await)
        .await
        .unwrap();
    let (first, second) = (token(1, NOW), token(2, NOW));
    let (used, of_other) = (one.used_tokens(), other.used_tokens());
    let now = Timestamp(NOW);
    assert_eq!(used.use_up(&first, now).await, Ok(()));
    assert_eq!(of_other.use_up(&first, now).await, Err(HttpAuthError::Used));
    assert_eq!(of_other.use_up(&second, now).await, Ok(()));
    assert_eq!(used.use_up(&second, now).await, Err(HttpAuthError::Used));
    one.records().close().await;
    other.records().close().await;
    let again = Access::open(records(folder.path(), 1_000).await)
        .await
        .unwrap();
    let last_second = Timestamp(NOW + 60);
    for token in [&first, &second] {
        let used = again.used_tokens().use_up(token, last_second).await;
        assert_eq!(used, Err(HttpAuthError::Used));
        let late = again.used_tokens().use_up(token, Timestamp(NOW + 61)).await;
        assert_eq!(late, Err(HttpAuthError::Time));
    }
}

#[tokio::test]
async fn r3_3_of_many_uses_at_once_one_succeeds() {
    let (access, _folder) = opened().await;
    let (used, token) = (access.used_tokens(), token(1, NOW));
    let uses = (0..16).map(|_| used.use_up(&token, Timestamp(NOW)));
    let done = futures_util::future::join_all(uses).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
}

#[tokio::test]
async fn r3_3_used_tokens_are_bounded_and_none_is_forgotten_before_its_time() {
    let (access, _folder) = opened().await;
    write(&access, |tx| {
        for number in 0_u32..10_000 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            let until = (NOW + 10 + u64::from(number == 0)) as i64;
            tx.execute(
                "INSERT INTO relay_tokens (id, until) VALUES (?, ?)",
                (id, until),
            )?;
        }
        Ok(())
    })
    .await;
    let used = access.used_tokens();
    let (early, late) = (token(1, NOW), token(2, NOW));
    assert_eq!(
        used.use_up(&early, Timestamp(NOW + 10)).await,
        Err(HttpAuthError::Full)
    );
    assert_eq!(used.use_up(&late, Timestamp(NOW + 11)).await, Ok(()));
    let left: (i64,) = access
        .records()
        .fetch_one("SELECT COUNT(*) FROM relay_tokens", ())
        .await
        .unwrap();
    assert_eq!(left.0, 2, "what has expired is forgotten");
}

/// What has been told: types and data.
async fn told(access: &Access) -> Vec<(String, serde_json::Value)> {
    let rows: Vec<(String, String)> = access
        .records()
        .fetch_all("SELECT type, data FROM bus_outbox ORDER BY seq", ())
        .await
        .unwrap();
    let read = |(name, data): (String, String)| (name, serde_json::from_str(&data).unwrap());
    rows.into_iter().map(read).collect()
}

/// Lists whose changes are told.
async fn opened_with_bus() -> (Access, TempDir) {
    let (access, folder) = opened().await;
    let store = stentor_store::memory::Store::new(
        stentor_store::Keep::Current,
        stentor_store::RelayScope::default(),
    );
    let (store, records) = (Arc::new(store), access.records().clone());
    let bus = stentor_bus::Bus::open(store, records, stentor_bus::Config::default());
    bus.await.unwrap();
    (access, folder)
}

#[tokio::test]
async fn g1_2_changes_are_told_in_their_order_and_once() {
    let (access, _folder) = opened_with_bus().await;
    let shell = Actor::shell();
    let network: Cidr = "192.0.2.0/24".parse().unwrap();
    let changes = [
        Change::BanKey(key(1), Some("spam".into())),
        Change::BanKey(key(1), Some("spam".into())),
        Change::UnbanKey(key(1), None),
        Change::UnbanKey(key(2), None),
        Change::DisallowKind(7),
        Change::AllowKind(7),
        Change::Block(network, None),
        Change::AddMember(key(3)),
        Change::AddMember(key(3)),
        Change::RemoveMember(key(3)),
        Change::Name("A relay".into()),
    ];
    for change in changes {
        access.apply(change, &shell, NOW).await.unwrap();
    }
    let told = told(&access).await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "relay.ban.added",
            "relay.ban.lifted",
            "relay.ban.added",
            "relay.ban.lifted",
            "relay.allow.added",
            "relay.ban.added",
            "relay.member.added",
            "relay.member.removed",
            "relay.profile.changed",
        ]
    );
    assert_eq!(told[0].1["value"], key(1).to_string());
    assert!(told[0].1.get("reason").is_none(), "a detail");
    assert_eq!(told[5].1, serde_json::json!({ "target": "address" }));
}

#[tokio::test]
async fn g1_2_a_join_and_a_queued_event_are_told() {
    let (access, _folder) = opened_with_bus().await;
    let claim = access.invite(NewInvite::default(), NOW).await.unwrap();
    let by = actor(1, Class::Member);
    for _ in 0..2 {
        access.join(key(1), &claim, &by, NOW).await.unwrap();
    }
    let id = EventId([9; 32]);
    for _ in 0..2 {
        crate::moderation::queue::add(&access, id, "reported", false, 10)
            .await
            .unwrap();
    }
    let allowed = Change::AllowEvent(id, None);
    access.apply(allowed, &Actor::shell(), NOW).await.unwrap();
    let told = told(&access).await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "relay.member.added",
            "relay.moderation.queued",
            "relay.allow.added"
        ]
    );
    assert_eq!(told[0].1["by"], "invite");
    assert_eq!(told[1].1["event"], id.to_string());
}

#[tokio::test]
async fn g1_2_what_is_not_made_is_not_told() {
    let (access, _folder) = opened_with_bus().await;
    let unknown = Change::DeleteRole("nobody".into());
    assert!(access.apply(unknown, &Actor::shell(), NOW).await.is_err());
    let by = actor(1, Class::Member);
    access.join(key(1), "no claim", &by, NOW).await.unwrap();
    assert_eq!(told(&access).await, []);
    stentor_bus::close(access.records()).await.unwrap();
    let ban = Change::BanKey(key(1), None);
    assert!(access.apply(ban, &Actor::shell(), NOW).await.unwrap());
    assert_eq!(told(&access).await, [], "nobody keeps the log");
}
