//! G1.2, G2.3: what is gone, or private, is not told by webhooks either: not at first, not again, not from the dead letters.

use serde_json::{Value, json};
use stentor_auth::Scope;
use stentor_bus::jobs::JobKind;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::harness::{ALL, Hooks, id, list, notes};
use super::receiver::{Receiver, fine, status};
use crate::harness::{event, note, secret};

both_engines!(
    g1_2_what_was_deleted_is_not_tried_again,
    g1_2_what_its_author_has_deleted_is_not_tried_again,
    g1_2_what_was_deleted_is_no_dead_letter_and_not_replayed,
    g2_4_private_events_go_to_their_parties_webhooks_only,
    g2_3_tenants_and_owners_are_kept_apart,
    g1_2_ephemeral_events_are_not_sent,
);

async fn g1_2_what_was_deleted_is_not_tried_again(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let mut receiver = Receiver::new(|hit| match hit.content().as_str() {
        "secret" => status(500),
        _ => fine(),
    })
    .await;
    let made = hooks
        .create(&key, &receiver, json!({ "types": ["nostr"] }))
        .await;
    let event = note("secret");
    hooks.subject.store(&[&event]).await;
    receiver.next().await;
    hooks.attempts(id(&made), &key, 1).await;
    let records = house.open().await;
    let rows = async || -> Vec<(Option<String>,)> {
        let sql = "SELECT body FROM webhook_deliveries";
        records.fetch_all(sql, ()).await.unwrap()
    };
    assert_eq!(
        rows().await,
        [(None,)],
        "a reference, and nothing of the event"
    );
    hooks.subject.store.remove(&[event.id()]).await.unwrap();
    assert_eq!(receiver.next().await.kind(), "nostr.event.deleted");
    hooks.advance(3_600);
    hooks.subject.store(&[&note("end")]).await;
    assert_eq!(receiver.next().await.content(), "end");
    let begun = tokio::time::Instant::now();
    while !rows().await.is_empty() {
        assert!(begun.elapsed() < crate::harness::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(receiver.is_idle());
    assert_eq!(hooks.attempts(id(&made), &key, 3).await.len(), 3);
}

/// Deleted by NIP-09, and vanished by NIP-62.
async fn g1_2_what_its_author_has_deleted_is_not_tried_again(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let mut receiver = Receiver::new(|hit| match hit.content().as_str() {
        "secret" => status(500),
        _ => fine(),
    })
    .await;
    let made = hooks.create(&key, &receiver, notes()).await;
    let deleted = event(3, 1, "secret", &[]);
    let vanished = event(4, 1, "secret", &[]);
    hooks.subject.store(&[&deleted, &vanished]).await;
    assert_eq!(receiver.contents(2).await, ["secret", "secret"]);
    hooks.attempts(id(&made), &key, 2).await;
    let deletion = event(3, 5, "deletion", &[["e", &deleted.id().to_string()]]);
    let request = event(4, 62, "request", &[["relay", "ALL_RELAYS"]]);
    hooks.subject.store(&[&deletion, &request]).await;
    assert_eq!(receiver.contents(2).await, ["deletion", "request"]);
    hooks.advance(3_600);
    hooks.subject.store(&[&note("end")]).await;
    assert_eq!(receiver.next().await.content(), "end");
    let lines = hooks.attempts(id(&made), &key, 5).await;
    assert_eq!(lines.len(), 5, "two failures, and three that were taken");
    assert!(receiver.is_idle());
}

async fn g1_2_what_was_deleted_is_no_dead_letter_and_not_replayed(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let mut receiver = Receiver::new(|hit| match hit.content().as_str() {
        "dead" => status(410),
        _ => fine(),
    })
    .await;
    let made = hooks.create(&key, &receiver, notes()).await;
    let (delivered, dead, kept) = (note("delivered"), note("dead"), note("kept"));
    hooks.subject.store(&[&delivered, &kept]).await;
    receiver.contents(2).await;
    hooks.attempts(id(&made), &key, 2).await;
    hooks.subject.store(&[&dead]).await;
    receiver.next().await;
    let path = format!("/{}", id(&made));
    hooks
        .until(&path, &key, |webhook| webhook["enabled"] == false)
        .await;
    let dead_path = format!("{path}/dead-letters");
    let page = hooks.get(&dead_path, &key).await;
    let letter = list(&page, "dead_letters")[0]["delivery"].clone();
    let gone = [delivered.id(), dead.id()];
    hooks.subject.store.remove(&gone).await.unwrap();
    assert!(list(&hooks.get(&dead_path, &key).await, "dead_letters").is_empty());
    hooks
        .call("POST", &format!("{path}/enable"), &key, "")
        .await;
    let replay = format!("{dead_path}/{}/replay", letter.as_str().unwrap());
    assert_eq!(hooks.call("POST", &replay, &key, "").await.0, 202);
    let body = json!({ "since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z" });
    let (_, result) = hooks
        .call("POST", &format!("{path}/replay"), &key, &body.to_string())
        .await;
    assert_eq!(result["complete"], true, "{result}");
    assert_eq!(
        receiver.next().await.content(),
        "kept",
        "the only one that is left"
    );
    hooks.subject.store(&[&note("end")]).await;
    assert_eq!(receiver.next().await.content(), "end");
    assert!(receiver.is_idle());
}

async fn g2_4_private_events_go_to_their_parties_webhooks_only(house: House) {
    let hooks = Hooks::new(&house).await;
    let party = secret(2).public_key();
    let of_party = hooks
        .subject
        .key_of("default", ALL, Some(party), None)
        .await;
    let of_other = hooks.key().await;
    let mut to_party = Receiver::obliging().await;
    let mut to_other = Receiver::obliging().await;
    hooks
        .create(&of_party, &to_party, json!({ "types": ["nostr"] }))
        .await;
    hooks
        .create(&of_other, &to_other, json!({ "types": ["nostr"] }))
        .await;
    let wrap = event(1, 1059, "wrap", &[["p", &party.to_string()]]);
    hooks.subject.store(&[&wrap]).await;
    assert_eq!(to_party.next().await.content(), "wrap");
    hooks.subject.store.remove(&[wrap.id()]).await.unwrap();
    assert_eq!(to_party.next().await.kind(), "nostr.event.deleted");
    hooks.subject.store(&[&note("public")]).await;
    assert_eq!(to_party.next().await.content(), "public");
    assert_eq!(
        to_other.next().await.content(),
        "public",
        "and nothing before"
    );
}

async fn g2_3_tenants_and_owners_are_kept_apart(house: House) {
    let hooks = Hooks::new(&house).await;
    let subject = &hooks.subject;
    let own_scopes = [Scope::WebhooksManage, Scope::JobsReadOwn];
    let own = subject.key("a", &own_scopes).await;
    let all = subject.key("a", ALL).await;
    let stranger = subject.key("b", ALL).await;
    let mut receivers = Vec::new();
    for key in [&own, &all, &stranger] {
        let receiver = Receiver::obliging().await;
        hooks
            .create(key, &receiver, json!({ "types": ["job.queued"] }))
            .await;
        receivers.push(receiver);
    }
    let owner = format!("key:{}", own.id);
    let mut jobs = Vec::new();
    for (tenant, owner) in [("a", "else"), ("a", &*owner), ("b", "else")] {
        jobs.push(
            subject
                .jobs
                .queue(JobKind::Sync, tenant, owner)
                .await
                .unwrap(),
        );
    }
    let ids: Vec<Value> = jobs.iter().map(|job| job.id().to_string().into()).collect();
    let mut seen = Vec::new();
    for (receiver, count) in receivers.iter_mut().zip([1, 2, 1]) {
        let mut some = Vec::new();
        for _ in 0..count {
            some.push(receiver.next().await.json()["subject"].clone());
        }
        some.sort_unstable_by_key(Value::to_string);
        seen.push(some);
    }
    let mut both = vec![ids[0].clone(), ids[1].clone()];
    both.sort_unstable_by_key(Value::to_string);
    assert_eq!(seen, [vec![ids[1].clone()], both, vec![ids[2].clone()]]);
    for receiver in &mut receivers {
        assert!(receiver.is_idle());
    }
}

async fn g1_2_ephemeral_events_are_not_sent(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    hooks
        .create(&key, &receiver, json!({ "types": ["nostr"] }))
        .await;
    hooks.subject.store(&[&note("first")]).await;
    receiver.next().await;
    let submission = stentor_store::Submission {
        event: event(1, 20_001, "passing", &[]),
        verified: true,
    };
    let store = &hooks.subject.store;
    store
        .submit(vec![submission], crate::harness::clock())
        .await
        .unwrap();
    hooks.subject.store(&[&note("second")]).await;
    assert_eq!(receiver.next().await.content(), "second");
}
