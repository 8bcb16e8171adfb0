//! G4.2, G4.4, G4.6: what is sent, and how fast.

use std::time::{Duration, Instant};

use serde_json::json;
use stentor_bus::jobs::JobKind;
use stentor_gateway::Config;
use stentor_gateway::webhook::config::Webhooks;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::harness::{Hooks, id, list, notes};
use super::receiver::{Receiver, Reply};
use crate::harness::{note, store};

both_engines!(
    g4_2_an_envelope_is_sent_as_standard_webhooks_has_it,
    g7_the_trace_travels_along,
    g4_1_types_subjects_and_filter_choose,
    g4_4_a_slow_endpoint_delays_no_other,
    g4_4_no_more_than_the_rate_is_sent_in_a_minute,
    g4_6_large_data_are_a_reference,
    g4_1_a_test_is_sent_at_once,
    g4_5_attempts_are_listed_page_by_page,
    g4_3_a_webhook_gets_nothing_about_itself,
);

async fn g4_2_an_envelope_is_sent_as_standard_webhooks_has_it(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks.create(&key, &receiver, json!({})).await;
    let secret = made["secret"].as_str().unwrap();
    let event = note("h\u{e9}llo \"world\"\n");
    hooks.subject.store(&[&event]).await;
    let hit = receiver.next().await;
    assert_eq!(hit.signed_by(secret), [true]);
    assert_eq!(hit.headers["content-type"], "application/json");
    assert!(hit.headers["user-agent"].starts_with("stentor/"));
    let timestamp: u64 = hit.headers["webhook-timestamp"].parse().unwrap();
    assert!(timestamp.abs_diff(hooks.subject.clock.now_ms() / 1_000) < 60);
    let envelope = hit.json();
    assert_eq!(envelope["specversion"], "1.0");
    assert_eq!(envelope["type"], "nostr.event.stored");
    assert_eq!(envelope["subject"], event.id().to_string());
    assert_eq!(envelope["data"]["content"], "h\u{e9}llo \"world\"\n");
    assert_eq!(envelope["seq"], "1");
    let path = "/api/v1/events/history?types=nostr";
    let history = hooks.subject.get(path, Some(&key)).await.json();
    assert_eq!(history["events"][0], envelope, "the same as everywhere");
    let job = hooks
        .subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    let hit = receiver.next().await;
    assert_eq!(
        (hit.kind(), hit.signed_by(secret)),
        ("job.queued".into(), vec![true])
    );
    assert_eq!(hit.json()["subject"], job.id().to_string());
}

async fn g7_the_trace_travels_along(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    hooks
        .create(&key, &receiver, json!({ "types": ["job"] }))
        .await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let draft = stentor_bus::Draft {
        tenant: Some("default".into()),
        traceparent: Some(trace.into()),
        ..stentor_bus::Draft::new(stentor_bus::EventType::JobStarted, json!({}))
    };
    hooks.subject.bus.publish(vec![draft]).await.unwrap();
    let hit = receiver.next().await;
    assert_eq!(hit.headers["traceparent"], trace);
    assert_eq!(hit.json()["traceparent"], trace);
}

async fn g4_1_types_subjects_and_filter_choose(house: House) {
    let hooks = Hooks::new(&house).await;
    let key = hooks.key().await;
    let (wanted, other) = (note("wanted"), note("other"));
    let choices = [
        json!({ "types": ["job"] }),
        json!({ "subjects": [other.id().to_string()] }),
        json!({ "types": ["nostr"], "filter": { "ids": [wanted.id().to_string()] } }),
    ];
    let mut receivers = Vec::new();
    for choice in choices {
        let receiver = Receiver::obliging().await;
        hooks.create(&key, &receiver, choice).await;
        receivers.push(receiver);
    }
    hooks.subject.store(&[&wanted, &other]).await;
    let _job = hooks
        .subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    assert_eq!(receivers[0].next().await.kind(), "job.queued");
    assert_eq!(receivers[1].next().await.content(), "other");
    assert_eq!(receivers[2].next().await.content(), "wanted");
    for receiver in &mut receivers {
        assert!(receiver.is_idle());
    }
}

async fn g4_4_a_slow_endpoint_delays_no_other(house: House) {
    let config = Config {
        webhooks: Webhooks {
            timeout_seconds: 60,
            ..Webhooks::default()
        },
        ..Config::default()
    };
    let hooks = Hooks::with(&house, store(), config).await;
    let key = hooks.key().await;
    let mut slow = Receiver::new(|_| Reply::Nothing).await;
    let mut fast = Receiver::obliging().await;
    hooks
        .create(&key, &slow, json!({ "types": ["nostr"], "concurrency": 2 }))
        .await;
    hooks.create(&key, &fast, notes()).await;
    let texts: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    for text in &texts {
        hooks.subject.store(&[&note(text)]).await;
    }
    let begun = Instant::now();
    assert_eq!(fast.contents(40).await, texts);
    assert!(begun.elapsed() < Duration::from_secs(20));
    // The slow one has what it may have at once, and no more.
    assert_eq!(slow.contents(2).await.len(), 2);
    assert!(slow.is_idle());
}

async fn g4_4_no_more_than_the_rate_is_sent_in_a_minute(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks
        .create(
            &key,
            &receiver,
            json!({ "types": ["nostr"], "rate_per_minute": 3 }),
        )
        .await;
    for number in 0..7 {
        hooks.subject.store(&[&note(&number.to_string())]).await;
    }
    for round in 1..=2 {
        assert_eq!(receiver.contents(3).await.len(), 3);
        hooks.attempts(id(&made), &key, 3 * round).await;
        assert!(receiver.is_idle());
        hooks.advance(60);
    }
    receiver.next().await;
}

async fn g4_6_large_data_are_a_reference(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    let large = note(&"x".repeat(300_000));
    let fits = note(&"y".repeat(200_000));
    hooks.subject.store(&[&large, &fits]).await;
    let mut hits = [receiver.next().await, receiver.next().await];
    hits.sort_by_key(|hit| hit.body.len());
    let [reference, whole] = hits;
    assert_eq!(whole.content().len(), 200_000);
    assert_eq!(
        reference.signed_by(made["secret"].as_str().unwrap()),
        [true]
    );
    let envelope = reference.json();
    assert!(envelope.get("data").is_none() && reference.body.len() < 2_000);
    assert_eq!(envelope["subject"], large.id().to_string());
    let dataref = envelope["dataref"].as_str().unwrap();
    let page = hooks.subject.get(dataref, Some(&key)).await.json();
    assert_eq!(
        list(&page, "events")[0]["data"]["id"],
        large.id().to_string()
    );
}

async fn g4_1_a_test_is_sent_at_once(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    let path = format!("/{}/test", id(&made));
    let (status, attempt) = hooks.call("POST", &path, &key, "").await;
    assert_eq!(status, 200, "{attempt}");
    assert_eq!(
        (
            &attempt["outcome"],
            &attempt["status"],
            &attempt["response"]
        ),
        (&json!("taken"), &json!(200), &json!("answered"))
    );
    let hit = receiver.next().await;
    assert_eq!(hit.kind(), "webhook.test");
    assert_eq!(hit.signed_by(made["secret"].as_str().unwrap()), [true]);
    assert_eq!(hit.id(), attempt["webhook_id"]);
    assert_eq!(hooks.attempts(id(&made), &key, 1).await, [attempt]);
    let mut last = 200;
    for _ in 0..10 {
        last = hooks.call("POST", &path, &key, "").await.0;
    }
    assert_eq!(last, 429, "nobody makes a cannon of it");
}

async fn g4_5_attempts_are_listed_page_by_page(house: House) {
    let config = Config {
        webhooks: Webhooks {
            attempts: 4,
            attempts_days: 1,
            ..Webhooks::default()
        },
        ..Config::default()
    };
    let hooks = Hooks::with(&house, store(), config).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let made = hooks.create(&key, &receiver, notes()).await;
    for number in 0..6 {
        hooks.subject.store(&[&note(&number.to_string())]).await;
        receiver.next().await;
    }
    let all = hooks.attempts(id(&made), &key, 6).await;
    let base = format!("/{}/attempts", id(&made));
    let first = hooks.get(&format!("{base}?limit=4"), &key).await;
    let next = first["next"].as_str().unwrap();
    let second = hooks
        .get(&format!("{base}?limit=4&before={next}"), &key)
        .await;
    assert!(second.get("next").is_none());
    let both = [
        list(&first, "attempts").clone(),
        list(&second, "attempts").clone(),
    ];
    assert_eq!(both.concat(), all);
    assert_eq!(
        hooks
            .call("GET", &format!("{base}?before=x"), &key, "")
            .await
            .0,
        400
    );
    assert_eq!(
        hooks.subject.webhooks.forget().await.unwrap(),
        2,
        "those beyond four"
    );
    assert_eq!(list(&hooks.get(&base, &key).await, "attempts"), &all[..4]);
    hooks.advance(2 * 86_400);
    assert_eq!(
        hooks.subject.webhooks.forget().await.unwrap(),
        4,
        "those that are old"
    );
}

async fn g4_3_a_webhook_gets_nothing_about_itself(house: House) {
    let hooks = Hooks::new(&house).await;
    let (key, mut receiver) = (hooks.key().await, Receiver::obliging().await);
    let choice = json!({ "types": ["webhook", "job"] });
    let made = hooks.create(&key, &receiver, choice.clone()).await;
    let other = hooks.create(&key, &receiver, choice).await;
    let hit = receiver.next().await;
    assert_eq!(hit.kind(), "webhook.endpoint.created");
    assert_eq!(hit.json()["subject"], id(&other));
    let path = format!("/{}", id(&made));
    hooks
        .call("PATCH", &path, &key, r#"{"description":"x"}"#)
        .await;
    let hit = receiver.next().await;
    assert_eq!(
        (hit.kind(), &hit.json()["subject"]),
        ("webhook.endpoint.updated".into(), &json!(id(&made)))
    );
    let _job = hooks
        .subject
        .jobs
        .queue(JobKind::Sync, "default", "x")
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(receiver.next().await.kind(), "job.queued");
    }
    assert!(receiver.is_idle());
}
