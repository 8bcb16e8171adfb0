//! G7: what clients count on their side.

use stentor_auth::Scope;
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::Subject;

both_engines!(g7_reports_are_taken_from_who_may_and_not_too_often);

async fn g7_reports_are_taken_from_who_may_and_not_too_often(house: House) {
    let subject = Subject::new(&house).await;
    let may = subject.key("default", &[Scope::TelemetryWrite]).await;
    let may_not = subject.key("default", &[Scope::NostrRead]).await;
    let report = async |key, body: &str| {
        let answer = subject.request("POST", "/api/v1/telemetry", key, body);
        answer.await.status
    };
    let body = r#"{"received":100,"reconnects":2,"gaps":1,"duplicates":0,"latency_ms":3.5}"#;
    assert_eq!(report(None, body).await, 401);
    assert_eq!(report(Some(&may_not), body).await, 403);
    assert_eq!(report(Some(&may), body).await, 204);
    assert_eq!(report(Some(&may), r#"{"user":"alice"}"#).await, 400);
    let long = format!("{{{}}}", " ".repeat(5_000));
    assert_eq!(report(Some(&may), &long).await, 413);
    let mut taken = 0;
    while report(Some(&may), "{}").await == 204 {
        taken += 1;
        assert!(taken < 1_000, "there is no limit");
    }
    assert_eq!(report(Some(&may), "{}").await, 429);
    let other = subject.key("default", &[Scope::TelemetryWrite]).await;
    assert_eq!(report(Some(&other), "{}").await, 204);
}
