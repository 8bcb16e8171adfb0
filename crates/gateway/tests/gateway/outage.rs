//! G6.3: the records cannot be reached for a while. What can be answered is, the rest is told to come back, and nothing is missed.

use stentor_auth::Scope;
use stentor_bus::jobs::JobKind;
use stentor_gateway::Config;
use stentor_sql::testing::{Cluster, House};
use stentor_sql::{DatabaseUrl, Dialect};
use tokio::time::timeout;

use crate::harness::{PATIENCE, Subject, note, store};

const SCOPES: &[Scope] = &[Scope::NostrRead, Scope::JobsReadAll];

/// A house whose PostgreSQL is its own, to be stopped.
async fn house(cluster: &Cluster) -> House {
    let mut house = House::new(Dialect::Sqlite).await;
    let name = cluster.create_database().await;
    house.config.url = Some(DatabaseUrl::new(cluster.url(&name)));
    // Whoever asks is told soon.
    house.config.acquire_ms = 1_500;
    house.config.connect_ms = 1_500;
    house.config.statement_ms = 1_500;
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g6_3_records_that_are_away_for_a_while_cost_no_envelope() {
    let cluster = Cluster::start();
    let house = house(&cluster).await;
    let subject = Subject::with(&house, store(), Config::default()).await;
    let key = subject.key("default", SCOPES).await;
    let history = "/api/v1/events/history";
    let live = subject.stream("/api/v1/events", Some(&key), None).await;
    let mut live = live.opened().await;
    subject.store(&[&note("before")]).await;
    assert_eq!(live.contents(1).await, ["before"]);
    let last = live.last.clone();

    cluster.stop();
    for number in 0..50 {
        subject.store(&[&note(&number.to_string())]).await;
    }
    let queued = subject.jobs.queue(JobKind::Import, "default", "x").await;
    assert!(queued.is_err(), "what is not durable is not promised");
    let answer = subject.get(history, Some(&key)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after"), "{answer:?}");
    assert!(!answer.body.to_lowercase().contains("sql"), "{answer:?}");
    // Whoever comes back meanwhile is not sent away for good: it waits, or is told to come again.
    let mut back = subject
        .stream("/api/v1/events", Some(&key), Some(&last))
        .await;

    cluster.start_again();
    let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(live.contents(50).await, expected);
    let missed = match back.next().await {
        Some(first) => {
            let first: serde_json::Value = serde_json::from_str(&first.data).unwrap();
            assert_eq!(first["data"]["content"], "0");
            back.contents(49).await
        }
        None => {
            let stream = subject.stream("/api/v1/events", Some(&key), Some(&last));
            back = stream.await;
            back.contents(50).await[1..].to_vec()
        }
    };
    assert_eq!(missed, expected[1..]);
    // Both logs go on.
    let again = async {
        loop {
            if let Ok(job) = subject.jobs.queue(JobKind::Import, "default", "x").await {
                return job;
            }
        }
    };
    let job = timeout(PATIENCE, again).await.expect("in time");
    let envelope = live.envelope().await;
    assert_eq!(envelope["type"], "job.queued");
    assert_eq!(envelope["subject"], job.id().to_string());
    assert_eq!(subject.get(history, Some(&key)).await.status, 200);
}
