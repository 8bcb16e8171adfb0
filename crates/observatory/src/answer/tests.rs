//! Readers over records filled by hand, on both databases.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
use stentor_sql::testing::House;
use stentor_sql::{Database, both_engines};
use stentor_store::Submission;

use super::{Answer, AskError, Question};
use crate::config::Config;
use crate::provenance::{self, How, Pair};
use crate::role::Observatory;
use crate::table::RelayId;
use crate::testing::ground;

mod shown;

both_engines!(
    o4_2_pages_show_each_relay_once_whatever_the_order,
    o4_2_relays_that_come_meanwhile_neither_hide_nor_repeat_others,
    o4_2_filters_of_relays_hold,
    o4_2_a_cursor_is_of_one_filter_and_order,
    o4_2_a_relay_is_shown_with_all_that_is_known,
    o4_2_coverage_is_read_page_by_page,
    o4_2_checks_are_read_page_by_page,
    o5_3_progress_says_what_is_left,
    o4_2_events_are_read_page_by_page_with_their_holders,
    o4_2_a_search_that_ends_early_goes_on,
    o4_2_what_is_not_for_everybody_is_not_told,
    o4_2_the_network_is_counted,
);

const NOW: u64 = 1_700_000_000;

async fn observatory(house: &House) -> Observatory {
    let ground = ground(house, Config::default()).await;
    Observatory { ground }
}

async fn put(records: &Database, id: i64) {
    // Several relays share each value, and some values are unknown.
    let share = (id % 3 != 0).then_some(f64::from(u8::try_from(id % 5).unwrap()) / 4.0);
    let open = (id % 4 != 0).then_some(id % 7);
    let status = if id % 2 == 0 { "online" } else { "offline" };
    let url = format!(
        "wss://{}{id}.example/",
        if id % 2 == 0 { "a_" } else { "ab" }.replace('_', "-")
    );
    records
        .write(move |tx| {
            tx.execute(
                "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status, uptime_month,
                 open_ms, read_ms, name, software, auth_required) VALUES (?, ?, 'clearnet', 'relay', ?, 'seed', 0, 0, ?, ?, ?, ?, ?, 'soft', ?)",
                (id, &url, id % 3, status, share, open, open, format!("Relay 100% {id}"), id % 2 == 0),
            )?;
            tx.execute("INSERT INTO observatory_relay_counts (relay, events, exclusive) VALUES (?, ?, ?)", (id, id % 4, id % 2))?;
            tx.execute("INSERT INTO observatory_nips (relay, nip) VALUES (?, ?)", (id, 50 + id % 3))
        })
        .await
        .unwrap();
}

async fn ask(observatory: &Observatory, path: &str, query: &str) -> Result<Value, AskError> {
    let question = Question::read(path, query)?;
    let answer: Answer = observatory.ask(&question, Arc::default()).await?;
    Ok(answer.body)
}

/// What is at `field` of all rows of all pages.
async fn all(
    observatory: &Observatory,
    path: &str,
    query: &str,
    (rows, field): (&str, &str),
) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    for _ in 0..200 {
        let page = ask(observatory, path, &format!("{query}&after={after}"))
            .await
            .unwrap();
        let rows = page[rows].as_array().unwrap();
        found.extend(rows.iter().map(|row| row.pointer(field).unwrap().clone()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return found,
        }
    }
    panic!("the pages have no end");
}

const IDS: (&str, &str) = ("relays", "/id");

async fn o4_2_pages_show_each_relay_once_whatever_the_order(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=23 {
        put(&observatory.ground.records, id).await;
    }
    let sorts = [
        "url",
        "uptime",
        "open",
        "read",
        "events",
        "exclusive",
        "seen",
        "found",
    ];
    for sort in sorts
        .into_iter()
        .flat_map(|sort| [sort.to_owned(), format!("-{sort}")])
    {
        let ids = all(&observatory, "relays", &format!("sort={sort}&limit=4"), IDS).await;
        let once: BTreeSet<i64> = ids.iter().map(|id| id.as_i64().unwrap()).collect();
        assert_eq!((ids.len(), once.len()), (23, 23), "{sort}");
        let whole = all(&observatory, "relays", &format!("sort={sort}"), IDS).await;
        assert_eq!(ids, whole, "{sort}");
    }
    let uptimes = all(
        &observatory,
        "relays",
        "sort=-uptime",
        ("relays", "/uptime_month"),
    )
    .await;
    assert!(uptimes.first().unwrap().is_number() && uptimes.last().unwrap().is_null());
    let uptimes = all(
        &observatory,
        "relays",
        "sort=uptime",
        ("relays", "/uptime_month"),
    )
    .await;
    assert!(uptimes.first().unwrap().is_number() && uptimes.last().unwrap().is_null());
}

async fn o4_2_relays_that_come_meanwhile_neither_hide_nor_repeat_others(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=20 {
        put(&observatory.ground.records, id).await;
    }
    let (mut seen, mut after, mut more) = (Vec::new(), String::new(), 100);
    loop {
        let query = format!("sort=events&limit=3&after={after}");
        let page = ask(&observatory, "relays", &query).await.unwrap();
        seen.extend(
            page["relays"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_i64().unwrap()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = next.to_owned();
        if more < 104 {
            put(&observatory.ground.records, more).await;
            more += 1;
        }
    }
    let once: BTreeSet<i64> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "none twice");
    assert!((1..=20).all(|id| once.contains(&id)), "none missing");
}

async fn o4_2_filters_of_relays_hold(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=12 {
        put(&observatory.ground.records, id).await;
    }
    let ids = async |query: &str| -> Vec<i64> {
        let found = all(&observatory, "relays", &format!("{query}&sort=found"), IDS).await;
        let mut ids: Vec<i64> = found.iter().map(|id| id.as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids("status=online&nip=50").await, [6, 12]);
    assert_eq!(ids("nip=!50,!51").await, [2, 5, 8, 11]);
    assert_eq!(ids("auth_required=true&nip=52").await, [2, 8]);
    assert_eq!(ids("min_uptime=1").await, [4]);
    assert_eq!(ids("text=RELAY%20100%25%201").await, [1, 10, 11, 12]);
    assert_eq!(ids("text=ab1").await, [1, 11]);
    assert!(ids("text=_").await.is_empty(), "no pattern");
    assert!(ids("degraded=true").await.is_empty(), "unknown is not true");
    assert!(ids("degraded=false").await.is_empty(), "nor false");
    assert!(ids("network=tor").await.is_empty() && ids("software=other").await.is_empty());
    assert!(ids("state=candidate").await.is_empty() && ids("country=de").await.is_empty());
}

async fn o4_2_a_cursor_is_of_one_filter_and_order(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=4 {
        put(&observatory.ground.records, id).await;
    }
    let page = ask(&observatory, "relays", "sort=open&limit=1")
        .await
        .unwrap();
    let next = page["next"].as_str().unwrap();
    assert!(
        ask(
            &observatory,
            "relays",
            &format!("sort=open&limit=2&after={next}")
        )
        .await
        .is_ok()
    );
    for other in ["sort=-open", "sort=read", "sort=open&status=online"] {
        let error = ask(&observatory, "relays", &format!("{other}&after={next}"))
            .await
            .unwrap_err();
        assert!(
            error.to_string().starts_with("after: a cursor of another"),
            "{error}"
        );
    }
    let error = ask(&observatory, "relays", "after=nonsense")
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("after: "), "{error}");
}

async fn cover(records: &Database, rows: Vec<(i64, i64, i64, &'static str)>) {
    records
        .write(move |tx| {
            tx.execute("INSERT INTO observatory_filters (id, filter) VALUES (1, '{}') ON CONFLICT (id) DO NOTHING", ())?;
            for (relay, since, until, state) in &rows {
                tx.execute(
                    "INSERT INTO observatory_coverage (relay, filter, since, until, state, events, at_ms) VALUES (?, 1, ?, ?, ?, 5, 7)",
                    (*relay, *since, *until, *state),
                )?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await
        .unwrap();
}

async fn o4_2_a_relay_is_shown_with_all_that_is_known(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    put(records, 1).await;
    cover(
        records,
        vec![
            (1, 0, 9, "complete"),
            (1, 10, 19, "failed"),
            (1, 20, 24, "complete"),
        ],
    )
    .await;
    records
        .write(|tx| {
            tx.execute("INSERT INTO observatory_documents VALUES (?, 'information', '{\"name\":\"x\"}', 1, 1)", ([7_u8; 32],))?;
            tx.execute("UPDATE observatory_relays SET document = ? WHERE id = 1", ([7_u8; 32],))?;
            tx.execute("INSERT INTO observatory_mentions VALUES (1, 'kind 10002', 4, 1, 2)", ())?;
            tx.execute("INSERT INTO observatory_checks (relay, at_ms, online, attempts) VALUES (1, 5, NULL, 1)", ())
        })
        .await
        .unwrap();
    let shown = ask(&observatory, "relays/wss%3A%2F%2Fab1.example%2F", "")
        .await
        .unwrap();
    assert_eq!(shown, ask(&observatory, "relays/1", "").await.unwrap());
    assert_eq!(shown["relay"]["url"], "wss://ab1.example/");
    assert_eq!(shown["information"]["name"], "x");
    assert_eq!(shown["mentions"][0]["mentions"], 4);
    assert_eq!(shown["nips"], serde_json::json!([51]));
    let complete = &shown["coverage"][0];
    assert_eq!(
        (
            &complete["state"],
            &complete["seconds"],
            &complete["intervals"]
        ),
        (&"complete".into(), &15.into(), &2.into())
    );
    assert!(
        shown["last_checks"][0]["online"].is_null(),
        "untested is not false"
    );
    assert!(shown["facts"].is_null() && shown["negentropy"].is_null());
    assert!(matches!(
        ask(&observatory, "relays/2", "").await,
        Err(AskError::Missing)
    ));
}

async fn o4_2_coverage_is_read_page_by_page(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    for id in 1..=3 {
        put(records, id).await;
        let state = |part: i64| if part % 2 == 0 { "complete" } else { "capped" };
        cover(
            records,
            (0..5)
                .map(|part| (id, part * 10, part * 10 + 9, state(part)))
                .collect(),
        )
        .await;
    }
    let since = ("intervals", "/since");
    assert_eq!(
        all(&observatory, "coverage", "limit=4", since).await.len(),
        15
    );
    assert_eq!(
        all(&observatory, "coverage", "limit=1&state=capped", since)
            .await
            .len(),
        6
    );
    assert_eq!(
        all(&observatory, "relays/2/coverage", "limit=2", since).await,
        [0, 10, 20, 30, 40]
    );
    let by_url = "relay=wss%3A%2F%2Fab3.example&state=complete";
    assert_eq!(
        all(&observatory, "coverage", by_url, since).await,
        [0, 20, 40]
    );
    let page = ask(&observatory, "coverage", "limit=1").await.unwrap();
    let query = format!("state=capped&after={}", page["next"].as_str().unwrap());
    assert!(
        ask(&observatory, "coverage", &query).await.is_err(),
        "of another filter"
    );
}

async fn o4_2_checks_are_read_page_by_page(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    put(records, 1).await;
    put(records, 2).await;
    records
        .write(|tx| {
            for at in 1..=7_i64 {
                tx.execute("INSERT INTO observatory_checks (relay, at_ms, online, open_ms, attempts) VALUES (1, ?, ?, 5, 1)", (at * 1_000, at != 3))?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await
        .unwrap();
    let times = all(
        &observatory,
        "relays/1/checks",
        "limit=3",
        ("checks", "/at_ms"),
    )
    .await;
    assert_eq!(times, [7_000, 6_000, 5_000, 4_000, 3_000, 2_000, 1_000]);
    let chart = ask(
        &observatory,
        "relays/1/series",
        "from_ms=0&to_ms=10000&points=2",
    )
    .await
    .unwrap();
    assert_eq!(chart["points"].as_array().unwrap().len(), 2);
    assert_eq!(chart["points"][0]["online"], 0.75);
    let other = ask(&observatory, "relays/1/checks", "limit=1")
        .await
        .unwrap();
    let query = format!("after={}", other["next"].as_str().unwrap());
    assert!(
        ask(&observatory, "relays/2/checks", &query).await.is_err(),
        "of another relay"
    );
}

async fn o5_3_progress_says_what_is_left(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    let empty = ask(&observatory, "progress", "").await.unwrap();
    assert!(empty["share"].is_null() && empty["left_seconds"] == 0);
    put(records, 1).await;
    put(records, 2).await;
    cover(
        records,
        vec![
            (1, 0, 9, "complete"),
            (2, 0, 9, "complete"),
            (2, 10, 12, "refused"),
        ],
    )
    .await;
    let progress = ask(&observatory, "progress", "").await.unwrap();
    assert_eq!(
        (&progress["relays"], &progress["complete"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        (&progress["complete_seconds"], &progress["refused_seconds"]),
        (&20.into(), &3.into())
    );
    assert!(progress["left_seconds"].as_u64().unwrap() > 1_000_000);
    assert!(
        progress["eta_seconds"].is_null(),
        "nothing was done in the last hour"
    );
}

/// Stores events; their numbers are 1, 2, …
async fn store(observatory: &Observatory, events: Vec<EventBuilder>) {
    let key = SecretKey::from_bytes([9; 32]).unwrap();
    let submissions = events.into_iter().map(|event| Submission {
        event: event.sign(&key),
        verified: true,
    });
    let archive = &observatory.ground.archive;
    archive
        .submit(submissions.collect(), Timestamp(NOW))
        .await
        .unwrap();
}

fn note(at: u64, content: &str) -> EventBuilder {
    EventBuilder::new(Kind(1), Timestamp(at)).content(content)
}

const CONTENT: (&str, &str) = ("events", "/event/content");

async fn o4_2_events_are_read_page_by_page_with_their_holders(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    put(records, 1).await;
    // Many in the same second.
    let events = (0..20).map(|n| {
        note(NOW - n / 10, &format!("note {n}")).tag(["1", if n < 5 { "a" } else { "b" }])
    });
    store(&observatory, events.collect()).await;
    let pair = Pair {
        number: 1,
        relay: RelayId(1),
        seen_ms: NOW * 1_000 + 5,
        created_ms: NOW * 1_000,
        how: How::Live,
    };
    records
        .write(move |tx| provenance::credit(tx, &[pair]))
        .await
        .unwrap();
    let texts = all(&observatory, "events", "limit=3", CONTENT).await;
    let once: BTreeSet<&str> = texts.iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!((texts.len(), once.len()), (20, 20));
    assert_eq!(
        all(&observatory, "events", "limit=2&%231=a", CONTENT)
            .await
            .len(),
        5
    );
    assert_eq!(
        all(
            &observatory,
            "events",
            "limit=2&!%231=a&text=NOTE%201",
            CONTENT
        )
        .await
        .len(),
        10
    );
    assert!(
        all(&observatory, "events", "!kinds=1", CONTENT)
            .await
            .is_empty()
    );
    let found = ask(&observatory, "events", "holders=true&limit=20")
        .await
        .unwrap();
    let found = found["events"].as_array().unwrap().iter();
    let held: Vec<&Value> = found
        .filter(|event| event["holders"] != serde_json::json!([]))
        .collect();
    assert_eq!(held.len(), 1);
    let id = held[0]["event"]["id"].as_str().unwrap();
    let one = ask(&observatory, &format!("events/{id}"), "")
        .await
        .unwrap();
    assert_eq!(one["event"]["content"], "note 0");
    let holder = &one["holders"][0];
    assert_eq!(
        (&holder["url"], &holder["how"]),
        (&"wss://ab1.example/".into(), &"live".into())
    );
    assert_eq!(holder["seen_ms"], NOW * 1_000 + 5);
    let none = format!("events/{}", "0".repeat(64));
    assert!(matches!(
        ask(&observatory, &none, "").await,
        Err(AskError::Missing)
    ));
}

async fn o4_2_a_search_that_ends_early_goes_on(house: House) {
    let observatory = observatory(&house).await;
    let events = (0..super::events::LOOKED_AT as u64 + 10).map(|n| note(NOW - n, "hay"));
    let mut events: Vec<EventBuilder> = events.collect();
    events.push(note(1, "needle"));
    store(&observatory, events).await;
    let first = ask(&observatory, "events", "text=needle").await.unwrap();
    assert_eq!(
        (
            &first["bound_reached"],
            first["events"].as_array().unwrap().len()
        ),
        (&true.into(), 0)
    );
    let query = format!("text=needle&after={}", first["next"].as_str().unwrap());
    let second = ask(&observatory, "events", &query).await.unwrap();
    assert_eq!(second["events"][0]["event"]["content"], "needle");
    assert_eq!(
        (&second["bound_reached"], &second["next"]),
        (&false.into(), &Value::Null)
    );
}

async fn o4_2_what_is_not_for_everybody_is_not_told(house: House) {
    let observatory = observatory(&house).await;
    let events = vec![
        note(NOW, "open"),
        note(NOW, "protected").tag(["-"]),
        EventBuilder::new(Kind::DIRECT_MESSAGE, Timestamp(NOW)).content("private"),
    ];
    store(&observatory, events).await;
    assert_eq!(
        observatory.ground.archive.statistics().events,
        3,
        "they are there"
    );
    assert_eq!(all(&observatory, "events", "", CONTENT).await, ["open"]);
    assert!(
        all(&observatory, "events", "kinds=4", CONTENT)
            .await
            .is_empty()
    );
    let key = SecretKey::from_bytes([9; 32]).unwrap();
    let hidden = note(NOW, "protected").tag(["-"]).sign(&key).id();
    assert!(matches!(
        ask(&observatory, &format!("events/{hidden}"), "").await,
        Err(AskError::Missing)
    ));
}

async fn o4_2_the_network_is_counted(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=6 {
        put(&observatory.ground.records, id).await;
    }
    store(&observatory, vec![note(NOW, "x")]).await;
    let network = ask(&observatory, "network", "").await.unwrap();
    let status = network["status"].as_array().unwrap();
    let online = status
        .iter()
        .find(|share| share["name"] == "online")
        .unwrap();
    assert_eq!(
        (&online["relays"], &network["events"]),
        (&3.into(), &1.into())
    );
    assert_eq!(
        network["software"],
        serde_json::json!([{"name": "soft", "relays": 3}])
    );
    assert_eq!(network["nips"].as_array().unwrap().len(), 3);
}
