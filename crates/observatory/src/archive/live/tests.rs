//! Which relays are followed.

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::*;
use crate::config::{Archive, Config};

both_engines!(o3_7_a_relay_that_is_put_first_is_followed_whatever_it_holds);

#[test]
fn o3_3_the_best_relays_are_followed() {
    let candidate = |relay, events, read_ms, first| Candidate {
        relay: RelayId(relay),
        url: RelayUrl::parse("wss://a.example/").unwrap(),
        read_ms,
        events,
        first,
    };
    let all = vec![
        candidate(1, 1_000, Some(100), false),
        candidate(2, 1_000_000, Some(300), false),
        candidate(3, 1_000_000, Some(30_000), false),
        candidate(4, 0, None, true),
    ];
    let chosen = best(all, 3).into_iter().map(|one| one.relay.0);
    assert_eq!(chosen.collect::<Vec<_>>(), vec![4, 2, 1]);
}

async fn o3_7_a_relay_that_is_put_first_is_followed_whatever_it_holds(house: House) {
    let config = Config {
        archive: Archive {
            // In another spelling than in the records.
            first: vec!["WSS://r90.example".to_owned()],
            never: vec!["wss://r1.example".to_owned()],
            ..Archive::default()
        },
        ..Config::default()
    };
    let ground = crate::testing::ground(&house, config).await;
    let relays = ground.records.write(|tx| {
        for id in 1..=90_i64 {
            tx.execute(
                "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status)
                 VALUES (?, ?, 'clearnet', 'relay', 1, 'seed', 0, 0, 'online')",
                (id, format!("wss://r{id}.example/")),
            )?;
            tx.execute(
                "INSERT INTO observatory_relay_counts (relay, events, exclusive) VALUES (?, ?, 0)",
                (id, (1_000 - id) * 1_000),
            )?;
        }
        // The last one holds nothing that is known.
        tx.execute("DELETE FROM observatory_relay_counts WHERE relay = 90", ())
    });
    relays.await.unwrap();
    let found = candidates(&ground, 1).await.unwrap();
    assert_eq!(
        found.iter().filter(|one| one.relay == RelayId(90)).count(),
        1
    );
    assert!(found.len() < 90, "the rest is cut");
    let chosen = best(found, 2).into_iter();
    let chosen: Vec<(i64, bool)> = chosen.map(|one| (one.relay.0, one.first)).collect();
    assert_eq!(chosen, [(90, true), (2, false)]);
}
