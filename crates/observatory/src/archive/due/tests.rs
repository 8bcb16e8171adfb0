//! Who is looked at, where more are due than are looked at.

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::*;
use crate::config::{Archive, Config};

both_engines!(o3_7_who_comes_first_is_found_behind_a_thousand_who_wait_longer);

/// Relays that are due, the first one the longest.
const RELAYS: i64 = 1_200;

async fn o3_7_who_comes_first_is_found_behind_a_thousand_who_wait_longer(house: House) {
    let config = Config {
        archive: Archive {
            // In another spelling than in the records.
            first: vec![
                "WSS://r1199.example".to_owned(),
                "wss://r3.example".to_owned(),
            ],
            never: vec!["wss://r2.example".to_owned()],
            ..Archive::default()
        },
        ..Config::default()
    };
    let ground = crate::testing::ground(&house, config).await;
    let relays = ground.records.write(|tx| {
        for id in 1..=RELAYS {
            tx.execute(
                "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status)
                 VALUES (?, ?, 'clearnet', 'relay', 1, 'seed', 0, 0, 'online')",
                (id, format!("wss://r{id}.example/")),
            )?;
            tx.execute(
                "INSERT INTO observatory_archiving (relay, leaving, next_ms, failures, behind, events, duplicates, rejected, bytes)
                 VALUES (?, ?, ?, 0, 5, 0, 0, 0, 0)",
                (id, id == RELAYS, id),
            )?;
        }
        Ok::<_, Error>(())
    });
    relays.await.unwrap();
    let running = HashSet::from([RelayId(1)]);
    let found = due(&ground, &running).await.unwrap();
    let mut ids: Vec<i64> = found.iter().map(|(one, _)| one.relay.0).collect();
    ids.sort_unstable();
    let of = |id| found.iter().find(|(one, _)| one.relay.0 == id);
    assert!(of(3).unwrap().0.first && !of(4).unwrap().0.first);
    assert!(of(1_199).unwrap().0.first, "as the operator wishes");
    assert!(of(RELAYS).unwrap().0.leaving);
    // 1,024 beside the one that has its turn, less the one that is never asked, and the two that come first.
    let expected: Vec<i64> = (3..=1_025).chain([1_199, RELAYS]).collect();
    assert_eq!(ids, expected, "each of them once");
    let found = due(&ground, &running).await.unwrap();
    assert!(
        found.iter().any(|(one, _)| one.relay.0 == 1_026),
        "who is never asked has been put off"
    );
}
