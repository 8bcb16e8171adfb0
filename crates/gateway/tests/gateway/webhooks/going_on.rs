//! G4.3, G6.1: nothing is lost when a node dies or ends, and one node at a time works on a webhook.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use stentor_bus::jobs::JobKind;
use stentor_gateway::Config;
use stentor_gateway::webhook::config::Webhooks;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::harness::{Hooks, id, notes};
use super::receiver::{Receiver, Reply, fine, status};
use crate::harness::{note, store};

both_engines!(
    g4_3_killed_at_any_moment_nothing_is_lost,
    g4_3_what_waits_outlives_a_restart,
    g6_1_what_is_under_way_is_brought_to_its_end,
    g4_3_one_node_at_a_time_works_on_a_webhook,
    g4_3_a_node_that_has_lost_its_lease_writes_nothing,
    g1_4_a_webhook_that_was_away_too_long_goes_on_and_says_so,
    g4_3_a_webhook_behind_its_place_moves_with_what_is_not_for_it,
);

const EVENTS: u64 = 240;

async fn g4_3_killed_at_any_moment_nothing_is_lost(house: House) {
    let config = Config {
        webhooks: Webhooks {
            rate_per_minute: 6_000,
            ..Webhooks::default()
        },
        ..Config::default()
    };
    let mut hooks = Hooks::with(&house, store(), config).await;
    let key = hooks.key().await;
    // Slow enough to be killed in the middle of it; each third fails. What counts is what was answered with 2xx.
    let count = AtomicU64::new(0);
    let taken: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>> = Arc::default();
    let came = Arc::clone(&taken);
    let receiver = Receiver::new(move |hit| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(3) {
            return Reply::Late(500, Duration::from_millis(25));
        }
        let envelope = hit.json()["id"].as_str().unwrap().to_owned();
        let mut came = came.lock().unwrap();
        came.entry(envelope)
            .or_default()
            .insert(hit.id().to_owned());
        match number.is_multiple_of(2) {
            true => Reply::Late(200, Duration::from_millis(15)),
            false => fine(),
        }
    })
    .await;
    let choice = json!({ "types": ["nostr.event.stored", "job.queued"] });
    hooks.create(&key, &receiver, choice).await;
    let mut handles = Vec::new();
    for number in 0..EVENTS {
        if number % 4 == 0 {
            let job = hooks.subject.jobs.queue(JobKind::Sync, "default", "x");
            handles.push(job.await.unwrap());
        } else {
            hooks.subject.store(&[&note(&number.to_string())]).await;
        }
        if number % 4 == 3 {
            tokio::time::sleep(Duration::from_millis(number * 7 % 40)).await;
            hooks.kill().await;
            hooks.start();
        }
    }
    let all = usize::try_from(EVENTS).unwrap();
    let begun = tokio::time::Instant::now();
    loop {
        let so_far = taken.lock().unwrap().len();
        if so_far == all {
            break;
        }
        assert!(
            begun.elapsed() < crate::harness::PATIENCE,
            "{so_far} of {all}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
        hooks.advance(400);
    }
    let ids = taken.lock().unwrap().clone();
    assert!(
        ids.values().all(|ids| ids.len() == 1),
        "a double has the id of the first"
    );
    // All that failed is delivered in the end, and then nothing is left.
    let records = house.open().await;
    let left = async || {
        let sql = "SELECT COUNT(*) FROM webhook_deliveries";
        let (left,): (i64,) = records.fetch_one(sql, ()).await.unwrap();
        left
    };
    let begun = tokio::time::Instant::now();
    while left().await > 0 {
        hooks.advance(400);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            begun.elapsed() < crate::harness::PATIENCE,
            "{} left",
            left().await
        );
    }
    hooks.stop().await;
    // The place is behind everything.
    let (place,): (String,) = records
        .fetch_one("SELECT place FROM webhook_endpoints", ())
        .await
        .unwrap();
    let head = hooks.subject.bus.head().await.unwrap();
    let place: stentor_bus::Cursor = place.parse().unwrap();
    assert_eq!(place.nostr, head.nostr);
}

async fn g4_3_what_waits_outlives_a_restart(house: House) {
    let mut hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let well = Arc::new(AtomicU64::new(0));
    let is_well = Arc::clone(&well);
    let mut receiver = Receiver::new(move |_| match is_well.load(Ordering::Relaxed) {
        0 => status(500),
        _ => fine(),
    })
    .await;
    let made = hooks
        .create(&key, &receiver, json!({ "types": ["nostr", "job"] }))
        .await;
    hooks.subject.store(&[&note("one")]).await;
    let _job = hooks
        .subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    receiver.next().await;
    receiver.next().await;
    hooks.attempts(id(&made), &key, 2).await;
    hooks.stop().await;
    // The log of the records does not keep it any more.
    let records = house.open().await;
    let emptied = records.write(|tx| {
        tx.execute("UPDATE bus_log SET first_seq = last_seq + 1", ())?;
        tx.execute("DELETE FROM bus_outbox", ())
    });
    let emptied: Result<u64, stentor_sql::Error> = emptied.await;
    assert!(emptied.unwrap() > 0);
    well.store(1, Ordering::Relaxed);
    hooks.advance(7);
    hooks.start();
    let mut kinds = [receiver.next().await.kind(), receiver.next().await.kind()];
    kinds.sort_unstable();
    assert_eq!(kinds, ["job.queued", "nostr.event.stored"]);
}

async fn g6_1_what_is_under_way_is_brought_to_its_end(house: House) {
    let mut hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let mut receiver = Receiver::new(|_| Reply::Late(200, Duration::from_millis(300))).await;
    let made = hooks.create(&key, &receiver, notes()).await;
    hooks.subject.store(&[&note("one")]).await;
    receiver.next().await;
    hooks.stop().await;
    let lines = hooks.attempts(id(&made), &key, 1).await;
    assert_eq!(lines[0]["outcome"], "taken");
    hooks.start();
    hooks.subject.store(&[&note("two")]).await;
    assert_eq!(
        receiver.next().await.content(),
        "two",
        "and the first one not again"
    );
}

async fn g4_3_one_node_at_a_time_works_on_a_webhook(house: House) {
    let store = store();
    let mut first = Hooks::with(&house, Arc::clone(&store), Config::default()).await;
    let key = first.key().await;
    let mut receiver = Receiver::obliging().await;
    let made = first.create(&key, &receiver, notes()).await;
    first.subject.store(&[&note("one")]).await;
    receiver.next().await;
    first.attempts(id(&made), &key, 1).await;
    // Another node on the same records, of another name.
    let second = Hooks::named(&house, store, "other").await;
    for number in 0..20 {
        first.subject.store(&[&note(&number.to_string())]).await;
    }
    assert_eq!(receiver.contents(20).await.len(), 20);
    first.attempts(id(&made), &key, 21).await;
    assert!(receiver.is_idle(), "each of them once");
    // The first one dies; the lease holds for a while, and is taken over.
    first.kill().await;
    first.subject.store(&[&note("after")]).await;
    second.advance(31);
    assert_eq!(receiver.next().await.content(), "after");
    second.attempts(id(&made), &key, 22).await;
    // When it comes back, it has to wait for its turn.
    first.advance(31);
    first.start();
    first.subject.store(&[&note("back")]).await;
    assert_eq!(receiver.next().await.content(), "back");
    assert!(receiver.is_idle());
}

async fn g4_3_a_node_that_has_lost_its_lease_writes_nothing(house: House) {
    let store = store();
    let mut first = Hooks::with(&house, Arc::clone(&store), Config::default()).await;
    let key = first.key().await;
    let mut receiver = Receiver::new(|hit| match hit.content().as_str() {
        "slow" => Reply::Late(200, Duration::from_secs(3)),
        _ => fine(),
    })
    .await;
    let made = first.create(&key, &receiver, notes()).await;
    first.subject.store(&[&note("slow")]).await;
    let once = receiver.next().await;
    // By the clock of the other node, the lease has ended meanwhile.
    let mut second = Hooks::named(&house, store, "other").await;
    second.advance(31);
    let again = receiver.next().await;
    assert_eq!(once.id(), again.id(), "a double, which the receiver knows");
    first.stop().await;
    second.stop().await;
    let lines = second.attempts(id(&made), &key, 1).await;
    assert_eq!(lines.len(), 1, "only one of them has written it down");
}

async fn g1_4_a_webhook_that_was_away_too_long_goes_on_and_says_so(house: House) {
    let mut hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    hooks.subject.store(&[&note("one")]).await;
    receiver.next().await;
    hooks.stop().await;
    // A place of another installation is as one that is too old.
    let records = house.open().await;
    let (place,): (String,) = records
        .fetch_one("SELECT place FROM webhook_endpoints", ())
        .await
        .unwrap();
    let mut place: stentor_bus::Cursor = place.parse().unwrap();
    place.epoch ^= 1;
    let place = place.to_string();
    let moved = records
        .write(move |tx| tx.execute("UPDATE webhook_endpoints SET place = ?", (place.clone(),)));
    let moved: Result<u64, stentor_sql::Error> = moved.await;
    assert_eq!(moved, Ok(1));
    hooks.subject.store(&[&note("two")]).await;
    hooks.start();
    assert_eq!(
        receiver.contents(2).await,
        ["one", "two"],
        "from the oldest on"
    );
    hooks.attempts(id(&made), &key, 3).await;
    let told = hooks.told(&key).await;
    assert_eq!(told.last().unwrap().0, "webhook.endpoint.resynced");
}

async fn g4_3_a_webhook_behind_its_place_moves_with_what_is_not_for_it(house: House) {
    let mut hooks = Hooks::new(&house).await;
    let (key, receiver) = (hooks.key().await, Receiver::obliging().await);
    hooks
        .create(&key, &receiver, json!({ "types": ["job"] }))
        .await;
    for number in 0..10 {
        hooks.subject.store(&[&note(&number.to_string())]).await;
    }
    let records = house.open().await;
    let begun = tokio::time::Instant::now();
    loop {
        let (place,): (String,) = records
            .fetch_one("SELECT place FROM webhook_endpoints", ())
            .await
            .unwrap();
        let place: stentor_bus::Cursor = place.parse().unwrap();
        if place.nostr.seq == 10 {
            break;
        }
        assert!(begun.elapsed() < crate::harness::PATIENCE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    hooks.stop().await;
}
