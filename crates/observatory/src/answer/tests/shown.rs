//! Readers that pages have beside those of the questions.

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::super::{CoverageAsked, Parameters, RelayQuery, covered_relays, places};
use super::{all, ask, cover, observatory, put};
use crate::statistics::answer::{
    PartSum, days_with_events, event_sums, kind_sums, new_author_sums,
};

both_engines!(
    o3_6_the_relay_most_behind_comes_first,
    o4_4_relays_have_a_place_or_are_counted,
    o4_4_covered_relays_are_read_page_by_page,
    o4_4_checks_are_summed_by_outcome,
    o4_4_days_are_summed_in_parts,
);

async fn o3_6_the_relay_most_behind_comes_first(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    for id in 1..=7 {
        put(records, id).await;
    }
    records
        .write(move |tx| {
            for id in 1..=7_i64 {
                tx.execute(
                    "INSERT INTO observatory_archiving (relay, leaving, next_ms, failures, behind, events, duplicates, rejected, bytes)
                     VALUES (?, FALSE, 0, 0, ?, 1, 2, 3, 4)",
                    (id, id % 3),
                )?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await
        .unwrap();
    let relays = all(&observatory, "archiving", "limit=2", ("relays", "/relay")).await;
    assert_eq!(relays, [2, 5, 1, 4, 7, 3, 6]);
    let doing = all(&observatory, "archiving", "", ("relays", "/doing")).await;
    // Those with an odd number are offline.
    assert_eq!(
        (doing[0].as_str(), doing[1].as_str()),
        (Some("waiting"), Some("offline"))
    );
    assert!(ask(&observatory, "archiving", "after=AQ").await.is_err());
}

async fn o4_4_relays_have_a_place_or_are_counted(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    for id in 1..=6 {
        put(records, id).await;
    }
    let sql = "UPDATE observatory_relays SET geohash = 'u0m7', country = 'CH' WHERE id <= 4";
    records.write(move |tx| tx.execute(sql, ())).await.unwrap();
    let asked = |raw: &str| RelayQuery::read(&mut Parameters::read(raw).unwrap()).unwrap();
    let found = places(records, &asked("sort=-events&limit=1"))
        .await
        .unwrap();
    let ids: Vec<i64> = found.relays.iter().map(|relay| relay.id).collect();
    assert_eq!((ids, found.known, found.unknown), (vec![1, 2, 3, 4], 4, 2));
    assert_eq!(found.countries, [("CH".to_owned(), 4)]);
    let found = places(records, &asked("status=offline&nip=51"))
        .await
        .unwrap();
    assert_eq!((found.relays.len(), found.unknown), (1, 0));
    let summary = ask(&observatory, "relays", "country=ch&limit=1")
        .await
        .unwrap();
    assert_eq!(summary["relays"][0]["geohash"], "u0m7");
}

async fn o4_4_covered_relays_are_read_page_by_page(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    for id in 1..=4 {
        put(records, id).await;
    }
    cover(
        records,
        vec![
            (1, 0, 9, "complete"),
            (2, 0, 9, "complete"),
            (2, 10, 12, "refused"),
            (4, 0, 5, "refused"),
        ],
    )
    .await;
    let page = async |raw: &str| {
        let asked = CoverageAsked::read(&mut Parameters::read(raw).unwrap(), 10).unwrap();
        covered_relays(records, &asked).await
    };
    let ids = async |raw: &str| {
        let found = page(raw).await.unwrap().relays;
        let ids = found
            .iter()
            .map(|relay| (relay.relay, relay.intervals.len()));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [(1, 1), (2, 2), (4, 1)]);
    assert_eq!(ids("state=refused").await, [(2, 2), (4, 1)]);
    assert_eq!(ids("text=AB1").await, [(1, 1)]);
    assert_eq!(ids("relay=4").await, [(4, 1)]);
    assert!(page("relay=99").await.is_err());
    let first = page("limit=2").await.unwrap();
    let next = first.next.unwrap();
    assert_eq!(ids(&format!("limit=2&after={next}")).await, [(4, 1)]);
    assert!(page(&format!("state=refused&after={next}")).await.is_err());
    let sums = all(
        &observatory,
        "statistics/coverage",
        "state=refused",
        ("rows", "/relay"),
    )
    .await;
    assert_eq!(sums, [2, 4]);
}

async fn o4_4_checks_are_summed_by_outcome(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    let now = i64::try_from(observatory.ground.clock.now_ms()).unwrap() / 3_600_000;
    records
        .write(move |tx| {
            let sql = "INSERT INTO observatory_outcomes (hour, outcome, checks) VALUES (?, ?, ?)";
            for (ago, outcome, checks) in [
                (0, "online", 1),
                (0, "dns", 1),
                (1, "online", 1),
                (23, "own_network", 1),
                (26, "tls", 1),
            ] {
                tx.execute(sql, (now - ago, outcome, checks))?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await
        .unwrap();
    let rows = ("rows", "/outcome");
    let day = all(&observatory, "statistics/checks", "", rows).await;
    assert_eq!(day, ["online", "dns", "own_network"]);
    let answer = ask(&observatory, "statistics/checks", "hours=48")
        .await
        .unwrap();
    assert_eq!(answer["rows"].as_array().unwrap().len(), 4);
    assert_eq!(answer["rows"][0]["checks"], 2);
    assert!(
        ask(&observatory, "statistics/checks", "hours=169")
            .await
            .is_err()
    );
}

async fn o4_4_days_are_summed_in_parts(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    assert_eq!(days_with_events(records).await.unwrap(), None);
    records
        .write(move |tx| {
            // The day -1 is that of times that cannot be true.
            for (day, kind, events) in [
                (-1, 1, 50),
                (100, 1, 2),
                (101, 1, 3),
                (101, 7, 9),
                (108, 1, 4),
            ] {
                tx.execute(
                    "INSERT INTO observatory_kinds (day, kind, events, bytes) VALUES (?, ?, ?, 0)",
                    (day, kind, events),
                )?;
            }
            tx.execute(
                "INSERT INTO observatory_new_authors (day, authors) VALUES (102, 6)",
                (),
            )
        })
        .await
        .unwrap();
    assert_eq!(days_with_events(records).await.unwrap(), Some((100, 108)));
    let part = |day, count| PartSum { day, count };
    let sums = event_sums(records, (100, 108), 7).await.unwrap();
    assert_eq!(sums, [part(100, 14), part(107, 4)]);
    let sums = event_sums(records, (101, 107), 1).await.unwrap();
    assert_eq!(sums, [part(101, 12)]);
    let sums = new_author_sums(records, (100, 108), 7).await.unwrap();
    assert_eq!(sums, [part(100, 6)]);
    let kinds = kind_sums(records, (100, 108), 1).await.unwrap();
    assert_eq!(kinds, [(1, 9)]);
    let kinds = kind_sums(records, (101, 101), 5).await.unwrap();
    assert_eq!(kinds, [(7, 9), (1, 3)]);
}
