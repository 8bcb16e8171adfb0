//! G4.3: what fails is tried again, given up, and sent again on request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use stentor_bus::jobs::JobKind;
use stentor_gateway::Config;
use stentor_gateway::webhook::config::Webhooks;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::harness::{Hooks, id, list, notes};
use super::receiver::{Receiver, Reply, fine, status};
use crate::harness::{Key, note, store};

both_engines!(
    g4_3_a_failing_delivery_is_tried_again_and_holds_nothing_back,
    g4_3_what_is_given_up_can_be_replayed,
    g4_3_dead_letters_are_bounded,
    g4_3_a_time_is_replayed,
    g4_3_gone_switches_off_and_redirects_fail,
    g4_3_retry_after_is_respected,
    g4_3_five_days_of_failure_switch_off,
    g4_3_with_too_much_outstanding_nothing_new_is_read,
    g4_3_the_death_of_what_tells_of_webhooks_is_not_told,
);

/// The schedule's waits, with their jitter, and a bit.
const WAITS: [u64; 7] = [7, 361, 2_161, 8_641, 21_601, 43_201, 43_201];
const HOUR: u64 = 3_600;

/// A receiver that fails until it is told not to.
async fn failing() -> (Receiver, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let receiver = Receiver::new(move |_| match is_well.load(Ordering::Relaxed) {
        true => fine(),
        false => status(500),
    });
    (receiver.await, well)
}

/// Has one delivery go through the whole schedule.
async fn exhaust(
    hooks: &Hooks,
    receiver: &mut Receiver,
    webhook: &Value,
    key: &Key,
    before: usize,
) {
    receiver.next().await;
    for (number, wait) in WAITS.iter().enumerate() {
        hooks.attempts(id(webhook), key, before + number + 1).await;
        hooks.advance(*wait);
        receiver.next().await;
    }
    hooks.attempts(id(webhook), key, before + 8).await;
}

async fn g4_3_a_failing_delivery_is_tried_again_and_holds_nothing_back(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let mut receiver = Receiver::new(move |hit| match hit.content() == "bad" {
        true if !is_well.load(Ordering::Relaxed) => status(500),
        _ => fine(),
    })
    .await;
    let made = hooks.create(&key, &receiver, notes()).await;
    hooks.subject.store(&[&note("bad")]).await;
    let bad = receiver.next().await;
    hooks.subject.store(&[&note("one"), &note("two")]).await;
    assert_eq!(receiver.contents(2).await, ["one", "two"]);
    let attempts = hooks.attempts(id(&made), &key, 3).await;
    let failed = attempts.iter().find(|line| line["status"] == 500).unwrap();
    assert_eq!(
        (&failed["outcome"], &failed["number"]),
        (&json!("failed"), &json!(1))
    );
    assert_eq!(failed["response"], "answered");
    let wait = failed["next_ms"].as_u64().unwrap() - failed["at_ms"].as_u64().unwrap();
    assert!((4_000..7_000).contains(&wait), "{wait}");
    for (number, wait) in [(2, 7), (3, 361)] {
        hooks.advance(wait);
        let again = receiver.next().await;
        assert_eq!(
            (again.id(), &again.body),
            (bad.id(), &bad.body),
            "the same message"
        );
        assert_eq!(again.signed_by(made["secret"].as_str().unwrap()), [true]);
        let lines = hooks.attempts(id(&made), &key, number + 2).await;
        assert_eq!(lines[0]["number"], number);
    }
    well.store(true, Ordering::Relaxed);
    hooks.advance(2_161);
    assert_eq!(receiver.next().await.content(), "bad");
    let lines = hooks.attempts(id(&made), &key, 6).await;
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["number"]),
        (&json!("taken"), &json!(4))
    );
    let shown = hooks.get(&format!("/{}", id(&made)), &key).await;
    assert!(shown.get("failing_since_ms").is_none());
    hooks.advance(100 * HOUR);
    hooks.subject.store(&[&note("last")]).await;
    assert_eq!(receiver.next().await.content(), "last", "and nothing else");
}

async fn g4_3_what_is_given_up_can_be_replayed(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, (mut receiver, well)) = (hooks.key().await, failing().await);
    let made = hooks
        .create(&key, &receiver, json!({ "types": ["job"] }))
        .await;
    let job = hooks
        .subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    exhaust(&hooks, &mut receiver, &made, &key, 0).await;
    let path = format!("/{}/dead-letters", id(&made));
    let page = hooks.get(&path, &key).await;
    let dead = &list(&page, "dead_letters")[0];
    assert_eq!(dead["subject"], job.id().to_string());
    assert_eq!(
        (&dead["type"], &dead["attempts"]),
        (&json!("job.queued"), &json!(8))
    );
    let told = hooks.told(&key).await;
    let (name, data) = told.last().unwrap();
    assert_eq!(name, "webhook.delivery.dead");
    assert_eq!(
        (&data["delivery"], &data["outcome"]),
        (&dead["delivery"], &json!("failed"))
    );
    hooks.advance(100 * HOUR);
    assert!(receiver.is_idle(), "it is not tried any more");
    well.store(true, Ordering::Relaxed);
    let replay = format!("{path}/{}/replay", dead["delivery"].as_str().unwrap());
    assert_eq!(hooks.call("POST", &replay, &key, "").await.0, 202);
    let hit = receiver.next().await;
    assert_eq!(hit.id(), dead["webhook_id"]);
    assert_eq!(hit.json()["subject"], job.id().to_string());
    hooks.attempts(id(&made), &key, 9).await;
    assert!(list(&hooks.get(&path, &key).await, "dead_letters").is_empty());
    assert_eq!(hooks.call("POST", &replay, &key, "").await.0, 404);
}

async fn g4_3_dead_letters_are_bounded(house: House) {
    let config = Config {
        webhooks: Webhooks {
            dead_letters: 3,
            ..Webhooks::default()
        },
        ..Config::default()
    };
    let hooks = Hooks::with(&house, store(), config).await;
    let key = hooks.key().await;
    // 410 is the end of a delivery at once, but of the webhook, too.
    let mut receiver = Receiver::new(|_| status(410)).await;
    let made = hooks.create(&key, &receiver, notes()).await;
    let path = format!("/{}", id(&made));
    for number in 0..5_usize {
        hooks.subject.store(&[&note(&number.to_string())]).await;
        receiver.next().await;
        hooks
            .until(&path, &key, |webhook| webhook["enabled"] == false)
            .await;
        hooks.advance(1);
        assert_eq!(
            hooks
                .call("POST", &format!("{path}/enable"), &key, "")
                .await
                .0,
            200
        );
    }
    let page = hooks
        .get(&format!("{path}/dead-letters?limit=2"), &key)
        .await;
    let next = page["next"].as_str().unwrap();
    let rest = hooks
        .get(&format!("{path}/dead-letters?limit=2&before={next}"), &key)
        .await;
    let both = [
        list(&page, "dead_letters").clone(),
        list(&rest, "dead_letters").clone(),
    ]
    .concat();
    assert_eq!(both.len(), 3, "the oldest have fallen off");
    let times: Vec<u64> = both
        .iter()
        .map(|dead| dead["dead_ms"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|one, next| one > next), "{times:?}");
}

async fn g4_3_a_time_is_replayed(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let mut receiver = Receiver::new(move |hit| match hit.kind().as_str() {
        "job.started" if !is_well.load(Ordering::Relaxed) => status(410),
        _ => fine(),
    })
    .await;
    let made = hooks
        .create(&key, &receiver, json!({ "types": ["job"] }))
        .await;
    let before = stentor_bus::rfc3339(hooks.subject.clock.now_ms() - 1);
    let mut job = hooks
        .subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    let first = receiver.next().await;
    hooks.attempts(id(&made), &key, 1).await;
    job.started().await.unwrap();
    let second = receiver.next().await;
    let path = format!("/{}", id(&made));
    hooks
        .until(&path, &key, |webhook| webhook["enabled"] == false)
        .await;
    hooks
        .call("POST", &format!("{path}/enable"), &key, "")
        .await;
    hooks.advance(10);
    well.store(true, Ordering::Relaxed);
    let replay = |since: &str, until: &str| json!({ "since": since, "until": until }).to_string();
    let after = stentor_bus::rfc3339(hooks.subject.clock.now_ms());
    let replay_path = format!("{path}/replay");
    let body = replay(&before, &after);
    let (code, result) = hooks.call("POST", &replay_path, &key, &body).await;
    assert_eq!(code, 202, "{result}");
    assert_eq!(
        (&result["queued"], &result["complete"]),
        (&json!(2), &json!(true))
    );
    let mut ids = [receiver.next().await, receiver.next().await].map(|hit| hit.id().to_owned());
    ids.sort_unstable();
    let mut expected = [first.id().to_owned(), second.id().to_owned()];
    expected.sort_unstable();
    assert_eq!(
        ids, expected,
        "the dead one and the delivered one, under their ids"
    );
    let nothing = replay("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    let (_, result) = hooks.call("POST", &replay_path, &key, &nothing).await;
    assert_eq!(result["queued"], 0);
    for (since, until) in [("x", "x"), (&*after, &*before), ("", &*after)] {
        let answer = hooks
            .call("POST", &replay_path, &key, &replay(since, until))
            .await;
        assert_eq!(answer.0, 400, "{since} {until}");
    }
}

async fn g4_3_gone_switches_off_and_redirects_fail(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let mut target = Receiver::obliging().await;
    let location: &'static str = Box::leak(format!("location: {}\r\n", target.url()).into());
    let mut receiver = Receiver::new(move |hit| match hit.content().as_str() {
        "away" => Reply::Status(307, location, String::new()),
        "gone" => status(410),
        _ => fine(),
    })
    .await;
    let made = hooks.create(&key, &receiver, notes()).await;
    hooks.subject.store(&[&note("away")]).await;
    receiver.next().await;
    let lines = hooks.attempts(id(&made), &key, 1).await;
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["status"]),
        (&json!("failed"), &json!(307))
    );
    assert!(target.is_idle(), "not followed");
    hooks.subject.store(&[&note("gone")]).await;
    receiver.next().await;
    let path = format!("/{}", id(&made));
    let shown = hooks
        .until(&path, &key, |webhook| webhook["enabled"] == false)
        .await;
    assert_eq!(shown["disabled_reason"], "gone");
    let told = hooks.told(&key).await;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        names.contains(&"webhook.endpoint.disabled") && names.contains(&"webhook.delivery.dead")
    );
    hooks.subject.store(&[&note("while off")]).await;
    hooks.advance(HOUR);
    assert!(receiver.is_idle());
    hooks
        .call("POST", &format!("{path}/enable"), &key, "")
        .await;
    assert_eq!(
        receiver.contents(2).await,
        ["away", "while off"],
        "from where it was"
    );
}

async fn g4_3_retry_after_is_respected(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let mut receiver = Receiver::new(move |_| match is_well.load(Ordering::Relaxed) {
        true => fine(),
        false => Reply::Status(429, "retry-after: 600\r\n", String::new()),
    })
    .await;
    let made = hooks.create(&key, &receiver, notes()).await;
    hooks.subject.store(&[&note("one")]).await;
    receiver.next().await;
    let lines = hooks.attempts(id(&made), &key, 1).await;
    assert_eq!(lines[0]["outcome"], "overloaded");
    let wait = lines[0]["next_ms"].as_u64().unwrap() - lines[0]["at_ms"].as_u64().unwrap();
    assert!((600_000..610_000).contains(&wait), "{wait}");
    well.store(true, Ordering::Relaxed);
    hooks.subject.store(&[&note("two")]).await;
    hooks.advance(590);
    // Another webhook is not held back, and shows that time has passed.
    let mut other = Receiver::obliging().await;
    hooks
        .create(&key, &other, json!({ "types": ["nostr"] }))
        .await;
    hooks.subject.store(&[&note("three")]).await;
    assert_eq!(other.next().await.content(), "three");
    assert!(receiver.is_idle(), "all of it waits");
    hooks.advance(11);
    assert_eq!(receiver.contents(3).await, ["one", "three", "two"]);
}

async fn g4_3_five_days_of_failure_switch_off(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, (mut receiver, _)) = (hooks.key().await, failing().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    hooks.subject.store(&[&note("one")]).await;
    receiver.next().await;
    let path = format!("/{}", id(&made));
    hooks
        .until(&path, &key, |webhook| {
            webhook.get("failing_since_ms").is_some()
        })
        .await;
    hooks.advance(5 * 24 * HOUR - 60);
    receiver.next().await;
    hooks.attempts(id(&made), &key, 2).await;
    assert_eq!(hooks.get(&path, &key).await["enabled"], true);
    hooks.advance(361);
    receiver.next().await;
    let shown = hooks
        .until(&path, &key, |webhook| webhook["enabled"] == false)
        .await;
    assert_eq!(shown["disabled_reason"], "failing");
    let told = hooks.told(&key).await;
    let (name, data) = told.last().unwrap();
    assert_eq!(
        (&**name, &data["reason"]),
        ("webhook.endpoint.disabled", &json!("failing"))
    );
}

async fn g4_3_with_too_much_outstanding_nothing_new_is_read(house: House) {
    let config = Config {
        webhooks: Webhooks {
            outstanding: 2,
            concurrency: 1,
            ..Webhooks::default()
        },
        ..Config::default()
    };
    let hooks = Hooks::with(&house, store(), config).await;
    let (key, (mut receiver, well)) = (hooks.key().await, failing().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    for text in ["1", "2"] {
        hooks.subject.store(&[&note(text)]).await;
        receiver.next().await;
    }
    hooks.attempts(id(&made), &key, 2).await;
    hooks.subject.store(&[&note("3")]).await;
    let mut other = Receiver::obliging().await;
    hooks.create(&key, &other, notes()).await;
    hooks.subject.store(&[&note("4")]).await;
    other.next().await;
    assert!(receiver.is_idle(), "the log keeps it meanwhile");
    well.store(true, Ordering::Relaxed);
    hooks.advance(7);
    assert_eq!(receiver.contents(4).await, ["1", "2", "3", "4"]);
}

async fn g4_3_the_death_of_what_tells_of_webhooks_is_not_told(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let mut receiver = Receiver::new(|_| status(410)).await;
    let watcher = hooks
        .create(&key, &receiver, json!({ "types": ["webhook"] }))
        .await;
    hooks
        .create(&key, &Receiver::obliging().await, notes())
        .await;
    receiver.next().await;
    let path = format!("/{}", id(&watcher));
    hooks
        .until(&path, &key, |webhook| webhook["enabled"] == false)
        .await;
    let told = hooks.told(&key).await;
    assert!(
        told.iter().all(|(name, _)| name != "webhook.delivery.dead"),
        "{told:?}"
    );
    let page = hooks.get(&format!("{path}/dead-letters"), &key).await;
    assert_eq!(
        list(&page, "dead_letters").len(),
        1,
        "it is there all the same"
    );
}
