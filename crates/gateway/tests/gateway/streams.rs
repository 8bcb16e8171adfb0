//! G3.1, G3.4, G6.1: event streams.

use std::sync::Arc;
use std::time::Duration;

use stentor_auth::Scope;
use stentor_bus::jobs::JobKind;
use stentor_gateway::Config;
use stentor_gateway::config::Streams;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{PATIENCE, Subject, event, note, secret, store};

both_engines!(
    g3_1_what_happens_is_streamed_as_cloudevents,
    g3_1_a_stream_resumes_by_its_last_event_id,
    g1_4_a_stream_from_a_cursor_too_old_is_told_once,
    g3_1_types_subjects_and_filters_choose,
    g3_4_streams_beyond_the_bounds_are_told_to_come_back,
    g6_1_a_drain_ends_streams_with_a_hint,
    g3_1_wrong_queries_are_refused,
    g2_3_streams_and_history_keep_tenants_and_owners_apart,
);

const READ: &[Scope] = &[Scope::NostrRead];

async fn g3_1_what_happens_is_streamed_as_cloudevents(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", READ).await;
    let stream = subject.stream("/api/v1/events", Some(&key), None).await;
    let mut stream = stream.opened().await;
    let event = note("hello\n\"world\"");
    subject.store(&[&event]).await;
    let envelope = stream.envelope().await;
    assert_eq!(envelope["specversion"], "1.0");
    assert_eq!(envelope["type"], "nostr.event.stored");
    assert_eq!(envelope["subject"], event.id().to_string());
    assert_eq!(envelope["data"]["content"], "hello\n\"world\"");
    subject.store.remove(&[event.id()]).await.unwrap();
    let envelope = stream.envelope().await;
    assert_eq!(envelope["type"], "nostr.event.deleted");
    assert_eq!(envelope["data"]["reason"], "dropped");
}

async fn g3_1_a_stream_resumes_by_its_last_event_id(house: House) {
    let store = store();
    let subject = Subject::with(&house, Arc::clone(&store), Config::default()).await;
    let key = subject.key("default", READ).await;
    let stream = subject.stream("/api/v1/events", Some(&key), None).await;
    let mut stream = stream.opened().await;
    subject.store(&[&note("one"), &note("two")]).await;
    assert_eq!(stream.contents(1).await, ["one"]);
    let last = stream.last.clone();
    drop((stream, subject));
    // The node has been started anew.
    let subject = Subject::with(&house, store, Config::default()).await;
    subject.store(&[&note("three")]).await;
    let mut stream = subject
        .stream("/api/v1/events", Some(&key), Some(&last))
        .await;
    assert_eq!(stream.contents(2).await, ["two", "three"]);
}

async fn g1_4_a_stream_from_a_cursor_too_old_is_told_once(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", READ).await;
    subject.store(&[&note("one")]).await;
    let page = subject.get("/api/v1/events/history", Some(&key)).await;
    let next = page.json()["next"].as_str().unwrap().to_owned();
    // The same place, of another installation.
    let foreign = if next.as_bytes()[3] == b'A' { "B" } else { "A" };
    let last = format!("{}{foreign}{}", &next[..3], &next[4..]);
    let mut stream = subject
        .stream("/api/v1/events", Some(&key), Some(&last))
        .await;
    let told = stream.next().await.unwrap();
    assert_eq!(told.name, "resync_required");
    let oldest: serde_json::Value = serde_json::from_str(&told.data).unwrap();
    assert_eq!(oldest["oldest"], stream.last);
    assert_eq!(stream.contents(1).await, ["one"]);
}

async fn g3_1_types_subjects_and_filters_choose(house: House) {
    let subject = Subject::new(&house).await;
    let scopes = [Scope::NostrRead, Scope::JobsReadAll];
    let key = subject.key("default", &scopes).await;
    let (mine, other) = (event(1, 1, "mine", &[]), event(2, 1, "other", &[]));
    let filter = format!(r#"{{"authors":["{}"]}}"#, secret(1).public_key());
    let filter: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let by_author = format!("/api/v1/events?types=nostr&filter={filter}");
    let by_subject = format!("/api/v1/events?subject={}", other.id());
    let mut streams = Vec::new();
    for path in [&*by_author, &by_subject, "/api/v1/events?types=job"] {
        let stream = subject.stream(path, Some(&key), None).await;
        streams.push(stream.opened().await);
    }
    let job = subject
        .jobs
        .queue(stentor_bus::jobs::JobKind::Sync, "default", "somebody");
    let job = job.await.unwrap();
    subject.store(&[&other, &mine]).await;
    assert_eq!(streams[0].contents(1).await, ["mine"]);
    assert_eq!(streams[1].contents(1).await, ["other"]);
    let envelope = streams[2].envelope().await;
    assert_eq!(envelope["type"], "job.queued");
    assert_eq!(envelope["subject"], job.id().to_string());
    assert_eq!(envelope["tenant"], "default");
}

async fn g3_4_streams_beyond_the_bounds_are_told_to_come_back(house: House) {
    let config = Config {
        streams: Streams {
            per_principal: 1,
            ..Streams::default()
        },
        ..Config::default()
    };
    let subject = Subject::with(&house, store(), config).await;
    let key = subject.key("default", READ).await;
    let first = subject.stream("/api/v1/events", Some(&key), None).await;
    let first = first.opened().await;
    let mut second = subject.stream("/api/v1/events", Some(&key), None).await;
    assert_eq!(second.next().await, None, "200 and an immediate end");
    assert!((1_500..=4_500).contains(&second.retry.unwrap()));
    let other = subject.key("default", READ).await;
    let third = subject.stream("/api/v1/events", Some(&other), None).await;
    third.opened().await;
    drop(first);
    // The place comes back when the server has noticed.
    let again = async {
        loop {
            let mut stream = subject.stream("/api/v1/events", Some(&key), None).await;
            subject.store.follow();
            if stream.retry.is_none()
                && tokio::time::timeout(Duration::from_millis(200), stream.next())
                    .await
                    .is_err()
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("in time");
}

async fn g6_1_a_drain_ends_streams_with_a_hint(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", READ).await;
    let stream = subject.stream("/api/v1/events", Some(&key), None).await;
    let mut stream = stream.opened().await;
    let report = subject.drain.run(PATIENCE).await;
    assert_eq!(report.aborted, 0);
    assert_eq!(stream.next().await, None);
    assert!((1_500..=4_500).contains(&stream.retry.unwrap()));
}

async fn g3_1_wrong_queries_are_refused(house: House) {
    let subject = Subject::new(&house).await;
    let key = subject.key("default", READ).await;
    for (query, word) in [
        ("types=nonsense", "no type"),
        ("filter=%7B", "filter"),
        ("filter=%7B%22limit%22%3A1%7D", "limit"),
        ("since=nonsense", "since"),
    ] {
        for path in ["/api/v1/events", "/api/v1/events/history"] {
            let answer = subject.get(&format!("{path}?{query}"), Some(&key)).await;
            assert_eq!(answer.status, 400, "{query}: {answer:?}");
            let problem = answer.json();
            assert!(
                problem["detail"].as_str().unwrap().contains(word),
                "{problem}"
            );
        }
    }
}

async fn g2_3_streams_and_history_keep_tenants_and_owners_apart(house: House) {
    let subject = Subject::new(&house).await;
    let mine = subject.key("a", &[Scope::JobsReadOwn]).await;
    let boss = subject.key("a", &[Scope::JobsReadAll]).await;
    let stranger = subject.key("b", &[Scope::JobsReadAll]).await;
    let mut streams = Vec::new();
    for key in [&mine, &boss, &stranger] {
        let stream = subject.stream("/api/v1/events", Some(key), None).await;
        streams.push(stream.opened().await);
    }
    let owner = format!("key:{}", mine.id);
    let mut jobs = Vec::new();
    for (tenant, owner) in [("a", owner.as_str()), ("a", "else"), ("b", "else")] {
        let queued = subject.jobs.queue(JobKind::Import, tenant, owner).await;
        jobs.push(queued.unwrap());
    }
    let ids: Vec<String> = jobs.iter().map(|job| job.id().to_string()).collect();
    let seen = [&ids[..1], &ids[..2], &ids[2..]];
    for ((key, stream), seen) in [&mine, &boss, &stranger].iter().zip(&mut streams).zip(seen) {
        for id in seen {
            assert_eq!(stream.envelope().await["subject"], **id);
        }
        let page = subject
            .get("/api/v1/events/history", Some(key))
            .await
            .json();
        let listed = page["events"].as_array().unwrap().iter();
        let listed: Vec<&str> = listed.map(|one| one["subject"].as_str().unwrap()).collect();
        assert_eq!(listed, seen);
        let told = format!("/api/v1/jobs/{}/events", ids[1]);
        let status = if seen.contains(&ids[1]) { 200 } else { 404 };
        assert_eq!(subject.get(&told, Some(key)).await.status, status);
    }
    // Nothing else has come.
    let last = subject
        .jobs
        .queue(JobKind::Export, "a", &owner)
        .await
        .unwrap();
    for stream in &mut streams[..2] {
        assert_eq!(stream.envelope().await["subject"], last.id().to_string());
    }
}
