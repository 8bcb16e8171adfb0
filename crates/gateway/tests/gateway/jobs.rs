//! G1.6, G2.3: jobs over HTTP, for two tenants.

use stentor_auth::Scope;
use stentor_bus::jobs::JobKind;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Answer, Subject};

both_engines!(g1_6_jobs_are_seen_and_cancelled_within_reach);

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let jobs = answer.json()["jobs"].as_array().unwrap().clone();
    let id = |job: &serde_json::Value| job["id"].as_str().unwrap().to_owned();
    jobs.iter().map(id).collect()
}

async fn g1_6_jobs_are_seen_and_cancelled_within_reach(house: House) {
    let subject = Subject::new(&house).await;
    let own = [Scope::JobsReadOwn, Scope::JobsCancelOwn];
    let all = [Scope::JobsReadAll, Scope::JobsCancelAll];
    let mine = subject.key("a", &own).await;
    let boss = subject.key("a", &all).await;
    let stranger = subject.key("b", &all).await;
    let owner = format!("key:{}", mine.id);
    let job = subject
        .jobs
        .queue(JobKind::Import, "a", &owner)
        .await
        .unwrap();
    let other = subject
        .jobs
        .queue(JobKind::Export, "a", "else")
        .await
        .unwrap();
    let (job_id, other_id) = (job.id().to_string(), other.id().to_string());
    let list = async |key| ids(&subject.get("/api/v1/jobs", Some(key)).await);
    assert_eq!(list(&mine).await, [&*job_id]);
    let mut both = [job_id.clone(), other_id.clone()];
    both.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(list(&boss).await, both);
    assert_eq!(list(&stranger).await, Vec::<String>::new());
    let path = format!("/api/v1/jobs/{other_id}");
    for (key, status) in [(&mine, 404), (&stranger, 404), (&boss, 200)] {
        assert_eq!(subject.get(&path, Some(key)).await.status, status);
        let status = if status == 200 { 202 } else { status };
        let answer = subject.request("DELETE", &path, Some(key), "").await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert!(*other.stopped().borrow() && !*job.stopped().borrow());
    other
        .failed(stentor_bus::jobs::Reason::Cancelled, None)
        .await
        .unwrap();
    let answer = subject.request("DELETE", &path, Some(&boss), "").await;
    assert_eq!(answer.status, 409);
    let answer = subject.get("/api/v1/jobs/nonsense", Some(&boss)).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}
