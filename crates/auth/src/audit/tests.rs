//! Lines, floods, and what is not in a line.

use std::net::Ipv4Addr;

use stentor_sql::testing::House;

use super::*;
use crate::schema::MIGRATIONS;
use crate::{Category, Scopes};

const NOW: Timestamp = Timestamp(1_700_000_000);

fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

fn client(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
}

async fn open(house: &House, lines: u64) -> Audit {
    let records = house.open().await;
    records.migrate(&MIGRATIONS).await.unwrap();
    let limits = Limits {
        audit_lines: lines,
        audit_days: 1,
        ..Limits::default()
    };
    Audit::new(records, &limits)
}

fn forged(id: &str) -> AuthFailure {
    AuthFailure::of(Category::Forged, format!("key:{id}"))
}

async fn g2_5_who_subscribed_to_what(house: House) {
    let audit = open(&house, 1_000).await;
    let mut principal = Principal::public(Scopes::NONE);
    principal.tenant = "acme".parse().unwrap();
    principal.credential = Credential::ApiKey("00ff".into());
    audit.note(
        AuditKind::Subscribed,
        &principal,
        client(1),
        "sse",
        "types=nostr.*",
        NOW,
    );
    audit.failed(&forged("0001"), client(2), "/api/v1/events", NOW);
    audit.failed(&AuthFailure::Missing, client(2), "/api/v1/events", NOW);
    assert!(
        audit.read(None, None, 10).await.unwrap().is_empty(),
        "not before it is flushed"
    );
    audit.flush(NOW).await.unwrap();
    let lines = audit.read(None, None, 10).await.unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line.kind.as_str(),
                line.detail.as_str(),
                line.credential.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("failed", "forged", Some("key:0001")),
            ("subscribed", "types=nostr.*", Some("key:00ff"))
        ]
    );
    let own = audit
        .read(Some(&"acme".parse().unwrap()), None, 10)
        .await
        .unwrap();
    assert_eq!(own.len(), 1, "failures belong to no tenant");
    assert_eq!(own[0].address.as_deref(), Some("10.0.0.1"));
    let before = audit.read(None, Some(lines[0].id), 10).await.unwrap();
    assert_eq!(before, own);
}

async fn g2_5_a_flood_of_failures_is_a_few_lines(house: House) {
    let audit = open(&house, 1_000).await;
    for number in 0..10_000 {
        audit.failed(
            &forged("0001"),
            client(number % 2),
            "x",
            later(number as u64 / 1_000),
        );
    }
    audit.flush(later(30)).await.unwrap();
    assert_eq!(audit.read(None, None, 10).await.unwrap().len(), 2);
    audit.flush(later(61)).await.unwrap();
    let lines = audit.read(None, None, 10).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.count).sum::<u64>(), 10_000);
    assert_eq!(lines.len(), 4);
}

async fn g2_5_failures_from_everywhere_are_few_lines_and_none_is_lost(house: House) {
    let audit = open(&house, 1_000).await;
    for number in 0..5_000 {
        audit.failed(&forged("0001"), client(number), "x", NOW);
    }
    audit.flush(NOW).await.unwrap();
    audit.flush(later(60)).await.unwrap();
    audit.flush(later(120)).await.unwrap();
    let lines = audit.read(None, None, 1_000).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.count).sum::<u64>(), 5_000);
    assert!(lines.len() <= 250, "{}", lines.len());
}

async fn g2_5_lines_are_bounded_by_number_and_age(house: House) {
    let audit = open(&house, 1_000).await;
    let principal = Principal::public(Scopes::NONE);
    audit.failed(&forged("0001"), client(1), "x", NOW);
    for number in 0..4_000_u64 {
        audit.note(
            AuditKind::Subscribed,
            &principal,
            client(1),
            "sse",
            &number.to_string(),
            NOW,
        );
        if number % 500 == 0 {
            audit.flush(NOW).await.unwrap();
        }
    }
    audit.flush(NOW).await.unwrap();
    let (lines,): (i64,) = audit
        .records
        .fetch_one("SELECT COUNT(*) FROM auth_audit", ())
        .await
        .unwrap();
    assert!((1_001..=2_001).contains(&lines), "{lines}");
    let sql = "SELECT COUNT(*) FROM auth_audit WHERE kind = 'failed'";
    let (failed,): (i64,) = audit.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(failed, 1, "not washed out by the others");
    let newest = audit.read(None, None, 1).await.unwrap();
    assert_eq!(newest[0].detail, "3999");
    for number in 0..1_000_u64 {
        audit.note(
            AuditKind::Subscribed,
            &principal,
            client(1),
            "sse",
            &number.to_string(),
            later(90_000),
        );
    }
    audit.flush(later(90_000)).await.unwrap();
    let sql = "SELECT COUNT(*) FROM auth_audit WHERE at < ?";
    let (old,): (i64,) = audit
        .records
        .fetch_one(sql, (later(1).0 as i64,))
        .await
        .unwrap();
    assert_eq!(old, 0);
}

stentor_sql::both_engines!(
    g2_5_who_subscribed_to_what,
    g2_5_a_flood_of_failures_is_a_few_lines,
    g2_5_failures_from_everywhere_are_few_lines_and_none_is_lost,
    g2_5_lines_are_bounded_by_number_and_age,
);

#[tokio::test]
async fn g2_5_without_the_database_lines_wait_within_bounds() {
    let house = House::new(stentor_sql::Dialect::Sqlite).await;
    let audit = open(&house, 1_000).await;
    audit.records.close().await;
    let principal = Principal::public(Scopes::NONE);
    for number in 0..5_000_u64 {
        audit.note(
            AuditKind::Subscribed,
            &principal,
            client(1),
            "sse",
            &number.to_string(),
            NOW,
        );
    }
    assert!(audit.flush(NOW).await.is_err());
    let again = Audit {
        records: house.open().await,
        ..audit
    };
    again.flush(NOW).await.unwrap();
    let newest = again.read(None, None, 1).await.unwrap();
    assert_eq!(
        newest[0].detail, "1999",
        "those after the 2,000th were left out"
    );
}

#[test]
fn g2_5_a_line_holds_no_secret_and_has_an_end() {
    assert_eq!(clean("since=stt_0123_abc"), "(a secret)");
    assert_eq!(clean("a\nb\u{0}"), "a b ");
    assert_eq!(clean(&"ä".repeat(600)).chars().count(), DETAIL_CHARS);
}
