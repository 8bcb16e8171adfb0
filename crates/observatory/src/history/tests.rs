//! What is left of checks in the records.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stentor_event::nip11::{Limitation, RelayInformation};
use stentor_peer::Information;
use stentor_sql::testing::House;
use stentor_sql::{Database, both_engines};

use super::document::Document;
use super::prune::prune;
use super::uptime::DAY_MS;
use super::{Entry, changes, document, record, series, statuses, uptime_days};
use crate::check::{Findings, Known, Reason, Schedule, Untold, Verdict};
use crate::config;
use crate::relay_url::RelayUrl;
use crate::schema;
use crate::table::{RelayId, Status, mention};
use crate::testing::relay_by_id;

mod names;
mod outcomes;

const RELAY: RelayId = RelayId(1);
/// The beginning of a day.
const START: u64 = 20_000 * DAY_MS;
const HOUR: u64 = 3_600_000;

async fn records(house: &House) -> Database {
    let records = house.open().await;
    records.migrate(&schema::MIGRATIONS).await.unwrap();
    let write = records.write(|tx| {
        mention(tx, &RelayUrl::parse("wss://a.b").unwrap(), "test", None, 1)?;
        tx.execute(
            "UPDATE observatory_relays SET state = 'relay', failures = 4",
            (),
        )
    });
    write.await.unwrap();
    records
}

async fn keep(records: &Database, entries: Vec<Entry>) -> u64 {
    let schedule = Schedule::new(Duration::from_secs(3_600));
    let config = config::Alert::default();
    let write = records.write(move |tx| record(tx, schedule, &config, &entries));
    write.await.unwrap().changed
}

fn online(open_ms: u64) -> Findings {
    let mut findings = Findings::only(Verdict::Online);
    findings.reached = Some(true);
    findings.open_ms = Some(open_ms);
    findings.read_ms = Some(open_ms / 2);
    findings.address = Some("192.0.2.1".parse().unwrap());
    findings
}

fn with_document(raw: &Value) -> Findings {
    let mut findings = online(10);
    let text = |key: &str| raw[key].as_str().map(str::to_owned);
    let nips = raw["supported_nips"].as_array().into_iter().flatten();
    findings.information = Known::Present(Arc::new(Information {
        document: RelayInformation {
            name: text("name"),
            supported_nips: nips.map(|nip| nip.as_u64().unwrap() as u16).collect(),
            limitation: Some(Limitation {
                auth_required: raw["auth"].as_bool(),
                ..Limitation::default()
            }),
            ..RelayInformation::default()
        },
        raw: raw.clone(),
    }));
    findings
}

fn offline() -> Findings {
    Findings::offline(Reason::Http(503), "HTTP status 503")
}

fn at(at_ms: u64, findings: Findings) -> Entry {
    Entry::new(RELAY, at_ms, 1, findings)
}

type State = (
    String,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// Status, reason, failures, since, last seen, time to open.
async fn state(records: &Database) -> State {
    let row = records.fetch_one(
        "SELECT status, reason, failures, status_since_ms, seen_ms, open_ms FROM observatory_relays",
        (),
    );
    row.await.unwrap()
}

fn ms(time: u64) -> Option<i64> {
    Some(i64::try_from(time).unwrap())
}

async fn o2_4_the_row_of_a_relay_follows_its_checks(house: House) {
    let records = records(&house).await;
    // The failures of a candidate are not those of a relay.
    assert_eq!(keep(&records, vec![at(START, offline())]).await, 0);
    let away = Some("http_503".to_owned());
    let expected = ("offline".to_owned(), away.clone(), 1, ms(START), None, None);
    assert_eq!(state(&records).await, expected);
    let changed = keep(
        &records,
        vec![
            at(START + 1, online(20)),
            at(START + 2, online(30)),
            at(START + 3, offline()),
            at(START + 4, offline()),
        ],
    );
    assert_eq!(changed.await, 2);
    let expected = (
        "offline".to_owned(),
        away,
        2,
        ms(START + 3),
        ms(START + 2),
        None,
    );
    assert_eq!(state(&records).await, expected);
    let relay = relay_by_id(&records, RELAY).await.unwrap().unwrap();
    assert!(relay.next_ms > START + HOUR / 2 && relay.next_ms < START + 2 * HOUR);
    let found = statuses(&records).await.unwrap();
    assert!(found.contains(&(Status::Offline, 1)) && found.contains(&(Status::Online, 0)));
}
both_engines!(o2_4_the_row_of_a_relay_follows_its_checks);

async fn o2_3_a_check_that_says_nothing_changes_nothing(house: House) {
    let records = records(&house).await;
    keep(&records, vec![at(START, online(20))]).await;
    let before = state(&records).await;
    let mut untold = offline();
    untold.verdict = Verdict::Untold(Untold::OwnNetwork);
    keep(&records, vec![at(START + HOUR, untold)]).await;
    assert_eq!(state(&records).await, before);
    let days = uptime_days(&records, RELAY, 7, START + HOUR).await.unwrap();
    assert_eq!((days[0].checks, days[0].online), (1, 1));
    let points = series(&records, RELAY, START, START + DAY_MS, 24)
        .await
        .unwrap();
    let shares: Vec<_> = points.iter().map(|point| point.online).collect();
    assert_eq!(shares, [Some(1.0), None]);
    let relay = relay_by_id(&records, RELAY).await.unwrap().unwrap();
    assert!(relay.next_ms <= START + HOUR + 91_000);
}
both_engines!(o2_3_a_check_that_says_nothing_changes_nothing);

async fn o2_4_a_check_counts_once(house: House) {
    let records = records(&house).await;
    for _ in 0..3 {
        keep(&records, vec![at(START, offline())]).await;
    }
    assert_eq!(state(&records).await.2, 1);
    let days = uptime_days(&records, RELAY, 7, START).await.unwrap();
    assert_eq!((days.len(), days[0].checks), (1, 1));
    // Nor does one of a relay that is gone meanwhile.
    let gone = Entry::new(RelayId(9), START, 1, online(5));
    assert_eq!(keep(&records, vec![gone]).await, 0);
    let (checks,): (i64,) = records
        .fetch_one("SELECT COUNT(*) FROM observatory_checks", ())
        .await
        .unwrap();
    assert_eq!(checks, 1);
}
both_engines!(o2_4_a_check_counts_once);

async fn nips(records: &Database) -> Vec<(i64,)> {
    let rows = records.fetch_all(
        "SELECT nip FROM observatory_nips ORDER BY nip LIMIT 100",
        (),
    );
    rows.await.unwrap()
}

async fn o2_4_changes_of_the_document_are_logged(house: House) {
    let records = records(&house).await;
    let one = json!({"name": "a", "supported_nips": [1, 77], "auth": true});
    // The same in another order.
    let same = json!({"auth": true, "supported_nips": [1, 77], "name": "a"});
    let other = json!({"name": "b\u{0}c", "supported_nips": [1], "auth": true});
    keep(
        &records,
        vec![
            at(START, with_document(&one)),
            at(START + 1, with_document(&same)),
        ],
    )
    .await;
    let log = changes(&records, RELAY, START + DAY_MS, 10).await.unwrap();
    assert!(log.is_empty(), "the first document is no change");
    assert_eq!(nips(&records).await, [(1,), (77,)]);
    let mut gone = online(10);
    gone.information = Known::Absent;
    keep(
        &records,
        vec![
            at(START + 2, with_document(&other)),
            // Not to be had just now, and away: no change.
            at(START + 3, online(10)),
            at(START + 4, offline()),
            at(START + 5, gone),
            at(START + 6, with_document(&one)),
        ],
    )
    .await;
    let log = changes(&records, RELAY, START + DAY_MS, 10).await.unwrap();
    let brief: Vec<_> = log
        .iter()
        .map(|change| (change.at_ms - START, change.before, change.after))
        .collect();
    assert_eq!(brief, [(6, false, true), (5, true, false), (2, true, true)]);
    assert_eq!(log[2].keys, ["name", "supported_nips"]);
    assert_eq!(
        changes(&records, RELAY, START + 5, 10).await.unwrap().len(),
        1
    );
    assert_eq!(
        changes(&records, RELAY, START + 9, 2).await.unwrap().len(),
        2
    );
    type Columns = (Option<String>, Option<bool>, Option<bool>, Vec<u8>);
    let row: Columns = records
        .fetch_one(
            "SELECT name, negentropy, auth_required, document FROM observatory_relays",
            (),
        )
        .await
        .unwrap();
    assert_eq!(
        (row.0.as_deref(), row.1, row.2),
        (Some("a"), Some(true), Some(true))
    );
    assert_eq!(row.3, Document::of(&one).unwrap().hash);
    let hash = Document::of(&other).unwrap().hash;
    assert_eq!(document(&records, hash).await.unwrap(), Some(other));
}
both_engines!(o2_4_changes_of_the_document_are_logged);

async fn o2_4_a_document_that_always_changes_fills_no_log(house: House) {
    let records = records(&house).await;
    let entries = (0..=super::change::MOST_KEPT as u64 + 20).map(|number| {
        at(
            START + number,
            with_document(&json!({"name": number.to_string()})),
        )
    });
    keep(&records, entries.collect()).await;
    let (kept,): (i64,) = records
        .fetch_one("SELECT COUNT(*) FROM observatory_changes", ())
        .await
        .unwrap();
    assert_eq!(kept, super::change::MOST_KEPT);
}
both_engines!(o2_4_a_document_that_always_changes_fills_no_log);

async fn o2_4_uptimes_and_slowness_are_kept_up(house: House) {
    let records = records(&house).await;
    let hours = |from: u64, to: u64| (from..to).map(|hour| START + hour * HOUR);
    let mut entries: Vec<Entry> = hours(0, 24).map(|time| at(time, online(100))).collect();
    entries.extend(hours(24, 36).map(|time| at(time, offline())));
    entries.extend(hours(36, 48).map(|time| at(time, online(900))));
    keep(&records, entries).await;
    type Columns = (Option<f64>, Option<f64>, Option<f64>, Option<bool>);
    let (day, week, quarter, degraded): Columns = records
        .fetch_one(
            "SELECT uptime_day, uptime_week, uptime_quarter, degraded FROM observatory_relays",
            (),
        )
        .await
        .unwrap();
    let near = |share: Option<f64>, expected: f64| (share.unwrap() - expected).abs() < 0.03;
    assert!(near(day, 0.5), "{day:?}");
    assert!(near(week, 0.75) && near(quarter, 0.75), "{week:?}");
    assert_eq!(degraded, Some(true));
    let days = uptime_days(&records, RELAY, 90, START + 47 * HOUR)
        .await
        .unwrap();
    let brief: Vec<_> = days.iter().map(|day| (day.checks, day.online)).collect();
    assert_eq!(brief, [(24, 24), (24, 12)]);
    assert_eq!(days[0].open_sum, 2_400);
    let last = uptime_days(&records, RELAY, 1, START + 47 * HOUR)
        .await
        .unwrap();
    assert_eq!(last, days[1..]);
}
both_engines!(o2_4_uptimes_and_slowness_are_kept_up);

async fn o4_4_a_series_is_bounded_whatever_the_time(house: House) {
    const STEP: u64 = HOUR / 6;
    let records = records(&house).await;
    let entries = (0..1_200).map(|step| {
        let findings = match step % 2 {
            0 => online(step),
            _ => offline(),
        };
        at(START + step * STEP, findings)
    });
    keep(&records, entries.collect()).await;
    let end = START + 1_200 * STEP;
    for (from, points) in [(START, 10_000), (START, 7), (0, 500), (end - HOUR, 500)] {
        let found = series(&records, RELAY, from, end, points).await.unwrap();
        assert!(!found.is_empty() && found.len() as u64 <= points.min(500));
        let checks: u64 = found.iter().map(|point| point.checks).sum();
        assert_eq!(checks, ((end - from) / STEP).min(1_200));
        assert!(found.iter().all(|point| (from..end).contains(&point.at_ms)));
    }
    let halves = series(&records, RELAY, START, end, 2).await.unwrap();
    assert_eq!(halves[0].online, Some(0.5));
    assert_eq!(halves[0].open_ms, Some(299.0));
    assert_eq!(halves[0].write_ms, None);
    let none = series(&records, RELAY, end, START, 10).await.unwrap();
    assert!(none.is_empty());
}
both_engines!(o4_4_a_series_is_bounded_whatever_the_time);

async fn o2_4_what_is_old_goes_and_what_is_named_stays(house: House) {
    let records = records(&house).await;
    let name = |name: &str| with_document(&json!({ "name": name }));
    let mut other = name("new");
    other.address = Some("192.0.2.2".parse().unwrap());
    keep(
        &records,
        vec![at(START, name("old")), at(START + DAY_MS, other)],
    )
    .await;
    let facts = |findings: &Findings| {
        Entry::new(RELAY, 0, 1, findings.clone())
            .facts
            .unwrap()
            .hash
    };
    let there = async |hash| document(&records, hash).await.unwrap().is_some();
    let old_facts = facts(&name("old"));
    assert!(there(old_facts).await);
    // However long checks are kept.
    assert_eq!(prune(&records, START + 7 * DAY_MS, 120).await.unwrap(), 0);
    // One check is too old, but its documents were not long enough unused.
    assert_eq!(prune(&records, START + 5 * DAY_MS + 1, 5).await.unwrap(), 1);
    // By now the other check is too old as well, and so are the sums of both hours. The relay names its last documents, the log the old
    // document.
    assert_eq!(prune(&records, START + 9 * DAY_MS, 5).await.unwrap(), 4);
    assert!(!there(old_facts).await);
    for document in ["old", "new"] {
        let hash = Document::of(&json!({ "name": document })).unwrap().hash;
        assert!(there(hash).await, "{document}");
    }
    assert_eq!(prune(&records, START + 99 * DAY_MS, 5).await.unwrap(), 0);
    let days = uptime_days(&records, RELAY, 400, START + 99 * DAY_MS)
        .await
        .unwrap();
    assert_eq!(days.len(), 2);
}
both_engines!(o2_4_what_is_old_goes_and_what_is_named_stays);

async fn o2_4_a_document_that_only_a_check_names_is_kept_for_a_week(house: House) {
    let records = records(&house).await;
    let named = with_document(&json!({ "name": "a" }));
    let mut moved = named.clone();
    moved.address = Some("192.0.2.2".parse().unwrap());
    let facts = Entry::new(RELAY, 0, 1, named.clone()).facts.unwrap().hash;
    keep(&records, vec![at(START, named), at(START + DAY_MS, moved)]).await;
    let prune = async |day| prune(&records, START + day * DAY_MS, 120).await.unwrap();
    assert_eq!(prune(8).await, 0);
    assert_eq!(prune(9).await, 1);
    assert_eq!(document(&records, facts).await.unwrap(), None);
}
both_engines!(o2_4_a_document_that_only_a_check_names_is_kept_for_a_week);

async fn o4_5_checks_tell_whoever_watches_the_relay(house: House) {
    let records = records(&house).await;
    stentor_bus::migrate(&records).await.unwrap();
    let watch = records.write(|tx| {
        tx.execute(
            "INSERT INTO observatory_watches (id, relay, recipient, made_ms, made_by, state) VALUES ('w', ?, ?, 0, 'test', 'up')",
            (RELAY.0, [7; 32]),
        )
    });
    watch.await.unwrap();
    let messages = async || -> Vec<String> {
        let sql = "SELECT text FROM observatory_messages ORDER BY made_ms LIMIT 10";
        let rows: Vec<(String,)> = records.fetch_all(sql, ()).await.unwrap();
        rows.into_iter().map(|(text,)| text).collect()
    };
    keep(&records, vec![at(START, offline())]).await;
    assert!(messages().await.is_empty());
    let again = at(START + HOUR, offline());
    keep(&records, vec![again.clone()]).await;
    // What is written again after a kill is not told again.
    keep(&records, vec![again, at(START + 2 * HOUR, offline())]).await;
    keep(&records, vec![at(START + 3 * HOUR, online(5))]).await;
    assert_eq!(
        messages().await,
        [
            "wss://a.b/ is down since 2024-10-04T00:00:00Z, found so by 2 checks in a row. Why: it answers with the HTTP status 503.",
            "wss://a.b/ has recovered at 2024-10-04T03:00:00Z. It was down since 2024-10-04T00:00:00Z.",
        ]
    );
}
both_engines!(o4_5_checks_tell_whoever_watches_the_relay);
