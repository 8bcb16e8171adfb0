//! What becomes of what is there when a newer program opens it.

use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_sql::{Database, Migrations};

use super::MIGRATIONS;
use crate::clock::stored;
use crate::history::outcomes;

both_engines!(
    o4_1_checks_that_were_kept_before_are_counted,
    o4_2_what_was_kept_of_relays_is_found_and_says_no_more_than_it_may,
);

const HOUR_MS: u64 = 3_600_000;

/// Records as they were with so many steps.
async fn before(house: &House, steps: usize) -> Database {
    let records = house.open().await;
    let early = Migrations {
        role: MIGRATIONS.role,
        steps: &MIGRATIONS.steps[..steps],
    };
    records.migrate(&early).await.unwrap();
    records
}

async fn o4_1_checks_that_were_kept_before_are_counted(house: House) {
    let records = before(&house, 5).await;
    let checks = [
        (0, Some(true), None),
        (1, Some(false), Some("dns")),
        (HOUR_MS, Some(false), Some("dns")),
        (2 * HOUR_MS, None, Some("own_network")),
        (2 * HOUR_MS + 1, Some(true), None),
        (2 * HOUR_MS + 2, Some(false), None),
    ];
    let write = records.write(move |tx| {
        let sql = "INSERT INTO observatory_checks (relay, at_ms, online, reason, attempts) VALUES (1, ?, ?, ?, 1)";
        for (at_ms, online, reason) in checks {
            tx.execute(sql, (stored(at_ms), online, reason))?;
        }
        Ok::<_, stentor_sql::Error>(())
    });
    write.await.unwrap();
    records.migrate(&MIGRATIONS).await.unwrap();
    let counted = async |from_ms| -> Vec<(String, u64)> {
        let found = outcomes(&records, from_ms).await.unwrap();
        let brief = found.into_iter().map(|one| (one.outcome, one.checks));
        brief.collect()
    };
    let expected = [
        ("dns", 2),
        ("online", 2),
        ("own_network", 1),
        ("unknown", 1),
    ];
    let expected = expected.map(|(outcome, checks)| (outcome.to_owned(), checks));
    assert_eq!(counted(HOUR_MS - 1).await, expected);
    assert_eq!(counted(HOUR_MS).await.len(), 4);
    assert_eq!(counted(2 * HOUR_MS + 1).await.len(), 3);
}

async fn o4_2_what_was_kept_of_relays_is_found_and_says_no_more_than_it_may(house: House) {
    let records = before(&house, 6).await;
    let kept = [
        ("seed_file", Some("/home/me/relays")),
        ("http_list", Some("https://a.example/list")),
        ("http_list", Some("https://a.example/list?token=x")),
        ("http_list", Some("https://me:x@a.example/list")),
        ("tag", Some("00ff")),
        ("seeds", None),
    ];
    let write = records.write(move |tx| {
        let sql = "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, found_in, failures, next_ms, status, name)
                   VALUES (?, ?, 'clearnet', 'relay', 1, ?, ?, 0, 0, 'online', 'Relay ONE')";
        for (id, (by, within)) in (1_i64..).zip(kept) {
            tx.execute(sql, (id, format!("wss://r{id}.example/"), by, within))?;
        }
        Ok::<_, stentor_sql::Error>(())
    });
    write.await.unwrap();
    records.migrate(&MIGRATIONS).await.unwrap();
    let rows: Vec<(Option<String>, Option<String>)> = records
        .fetch_all(
            "SELECT found_in, name_lower FROM observatory_relays ORDER BY id LIMIT 10",
            (),
        )
        .await
        .unwrap();
    let found_in: Vec<_> = rows
        .iter()
        .map(|(found_in, _)| found_in.as_deref())
        .collect();
    let list = Some("https://a.example/list");
    assert_eq!(found_in, [None, list, None, None, Some("00ff"), None]);
    assert!(
        rows.iter()
            .all(|(_, name)| name.as_deref() == Some("relay one"))
    );
}
