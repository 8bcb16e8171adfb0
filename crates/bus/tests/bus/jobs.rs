//! G1.6: long work and what is told of it.

use stentor_bus::jobs::{JobKind, Jobs, Query, Reason, Status};
use stentor_bus::{Config, EventType, From, Interest, Reader};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Subject, one, operator, store};

both_engines!(
    g1_6_a_job_tells_its_story_in_order,
    g1_6_a_job_that_is_dropped_has_failed,
    g1_6_jobs_of_an_ended_process_have_failed,
    g1_6_a_job_can_be_cancelled_from_any_node,
    g1_6_jobs_are_listed_by_tenant_and_owner,
    g1_6_old_jobs_are_forgotten,
);

/// The types and percents of the next envelopes of a job.
async fn story(reader: &mut Reader, count: usize) -> Vec<(EventType, u64)> {
    let mut story = Vec::new();
    for _ in 0..count {
        let delivery = one(reader).await.unwrap();
        let envelope = delivery.envelope();
        let data: serde_json::Value = serde_json::from_str(envelope.data.json()).unwrap();
        assert_eq!(envelope.subject.as_deref(), data["job"].as_str());
        story.push((envelope.event_type, data["percent"].as_u64().unwrap()));
    }
    story
}

fn of(tenant: &str) -> Query {
    Query {
        tenant: tenant.into(),
        owner: None,
        before: None,
        limit: 100,
    }
}

async fn g1_6_a_job_tells_its_story_in_order(house: House) {
    let subject = Subject::new(&house).await;
    let jobs = Jobs::open(subject.bus.clone(), "one").await.unwrap();
    let mut handle = jobs.queue(JobKind::Import, "a", "root").await.unwrap();
    let id = handle.id();
    assert_eq!(jobs.get(id).await.unwrap().unwrap().status, Status::Queued);
    handle.started().await.unwrap();
    handle.progress(40).await.unwrap();
    // Within the same second, and not further.
    handle.progress(41).await.unwrap();
    handle.progress(30).await.unwrap();
    let running = jobs.get(id).await.unwrap().unwrap();
    assert_eq!((running.status, running.percent), (Status::Running, 40));
    handle.completed().await.unwrap();
    let done = jobs.get(id).await.unwrap().unwrap();
    assert_eq!((done.status, done.percent), (Status::Completed, 100));
    assert!(done.ended_ms.unwrap() >= done.created_ms && done.reason.is_none());
    let interest = Interest {
        subjects: vec![id.to_string()],
        ..Interest::default()
    };
    let mut reader = subject.bus.read(From::Oldest, operator(), interest);
    assert_eq!(
        story(&mut reader, 4).await,
        [
            (EventType::JobQueued, 0),
            (EventType::JobStarted, 0),
            (EventType::JobProgress, 40),
            (EventType::JobCompleted, 100),
        ]
    );
}

async fn g1_6_a_job_that_is_dropped_has_failed(house: House) {
    let subject = Subject::new(&house).await;
    let jobs = Jobs::open(subject.bus.clone(), "one").await.unwrap();
    let mut handle = jobs.queue(JobKind::Sync, "a", "root").await.unwrap();
    handle.started().await.unwrap();
    let id = handle.id();
    drop(handle);
    let mut reader = subject.read(From::Oldest);
    assert_eq!(story(&mut reader, 3).await[2], (EventType::JobFailed, 0));
    let job = jobs.get(id).await.unwrap().unwrap();
    assert_eq!(job.reason, Some(Reason::Interrupted));
    let other = jobs.queue(JobKind::Sync, "a", "root").await.unwrap();
    let id = other.id();
    other.failed(Reason::Unreachable, None).await.unwrap();
    let job = jobs.get(id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.reason),
        (Status::Failed, Some(Reason::Unreachable))
    );
}

async fn g1_6_jobs_of_an_ended_process_have_failed(house: House) {
    let subject = Subject::new(&house).await;
    let jobs = Jobs::open(subject.bus.clone(), "one").await.unwrap();
    let handle = jobs.queue(JobKind::Backup, "a", "root").await.unwrap();
    let id = handle.id();
    // As if the process had ended.
    std::mem::forget(handle);
    let other = Jobs::open(subject.bus.clone(), "two").await.unwrap();
    assert_eq!(other.get(id).await.unwrap().unwrap().status, Status::Queued);
    let again = Jobs::open(subject.bus.clone(), "one").await.unwrap();
    let job = again.get(id).await.unwrap().unwrap();
    assert_eq!(job.reason, Some(Reason::Interrupted));
}

async fn g1_6_a_job_can_be_cancelled_from_any_node(house: House) {
    let one_node = Subject::new(&house).await;
    let other = Subject::with(&house, store(), Config::default()).await;
    let here = Jobs::open(one_node.bus.clone(), "one").await.unwrap();
    let there = Jobs::open(other.bus.clone(), "two").await.unwrap();
    let handle = here.queue(JobKind::Export, "a", "root").await.unwrap();
    let id = handle.id();
    assert!(there.cancel(id).await.unwrap());
    assert!(!*handle.stopped().borrow());
    here.look().await.unwrap();
    let mut stopped = handle.stopped();
    let told = timeout(PATIENCE, stopped.wait_for(|stopped| *stopped)).await;
    assert!(told.unwrap().is_ok());
    handle.failed(Reason::Cancelled, None).await.unwrap();
    assert!(!there.cancel(id).await.unwrap(), "it has ended");
    let unknown = uuid::Uuid::nil();
    assert!(!here.cancel(unknown).await.unwrap());
}

async fn g1_6_jobs_are_listed_by_tenant_and_owner(house: House) {
    let subject = Subject::new(&house).await;
    let jobs = Jobs::open(subject.bus.clone(), "one").await.unwrap();
    let mut handles = Vec::new();
    for (tenant, owner) in [("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")] {
        handles.push(jobs.queue(JobKind::Import, tenant, owner).await.unwrap());
    }
    let ids = |jobs: Vec<stentor_bus::jobs::Job>| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    let mut all = [handles[0].id(), handles[1].id(), handles[3].id()];
    all.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(ids(jobs.list(of("a")).await.unwrap()), all);
    let mine = Query {
        owner: Some("y".into()),
        ..of("a")
    };
    assert_eq!(ids(jobs.list(mine).await.unwrap()), [handles[1].id()]);
    let first = Query {
        limit: 2,
        ..of("a")
    };
    assert_eq!(ids(jobs.list(first).await.unwrap()), all[..2]);
    let rest = Query {
        before: Some(all[1]),
        ..of("a")
    };
    assert_eq!(ids(jobs.list(rest).await.unwrap()), all[2..]);
}

async fn g1_6_old_jobs_are_forgotten(house: House) {
    let subject = Subject::new(&house).await;
    let jobs = Jobs::open(subject.bus.clone(), "one").await.unwrap();
    let open = jobs.queue(JobKind::Import, "a", "x").await.unwrap();
    for _ in 0..2 {
        let done = jobs.queue(JobKind::Import, "a", "x").await.unwrap();
        done.completed().await.unwrap();
    }
    assert_eq!(jobs.forget().await.unwrap(), 0);
    let database = house.open().await;
    let aged = database.write(|tx| {
        tx.execute(
            "UPDATE bus_jobs SET created_ms = 1, ended_ms = 1 WHERE status = 'completed'",
            (),
        )
    });
    let aged: Result<u64, stentor_sql::Error> = aged.await;
    assert_eq!(aged.unwrap(), 2);
    assert_eq!(jobs.forget().await.unwrap(), 2);
    let left = jobs.list(of("a")).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, open.id());
}
