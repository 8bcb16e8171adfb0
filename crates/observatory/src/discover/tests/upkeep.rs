//! Forgetting (O1.3) and counting (O5.3).

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::super::{candidates, seeds, upkeep};
use super::{config, intake, mentioned};
use crate::clock::stored;
use crate::config::Discover;
use crate::relay_url::Network;
use crate::table::State;
use crate::testing::ground;

const DAY_MS: u64 = 86_400_000;

async fn o1_3_candidates_that_nobody_mentions_any_more_are_forgotten(house: House) {
    let names = ["forgotten", "lately", "listed", "relay", "watched"];
    let discover = Discover {
        seeds: names.map(|name| format!("wss://{name}.example")).to_vec(),
        forget_days: 10,
        candidates: names.len(),
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    let intake = intake(&ground).await;
    seeds::read(&ground, &intake).await.unwrap();
    let now_ms = ground.clock.now_ms();
    let aged = ground.records.write(move |tx| {
        let old = stored(now_ms - 11 * DAY_MS);
        tx.execute("UPDATE observatory_relays SET found_ms = ?", (old,))?;
        tx.execute("UPDATE observatory_mentions SET last_ms = ?", (old,))?;
        tx.execute("UPDATE observatory_relays SET state = 'relay' WHERE url LIKE '%relay%'", ())?;
        tx.execute("UPDATE observatory_mentions SET last_ms = ? WHERE relay IN (SELECT id FROM observatory_relays WHERE url LIKE '%lately%')", (stored(now_ms - 9 * DAY_MS),))?;
        tx.execute("INSERT INTO observatory_list_urls (id, url, entries, first_ms) SELECT id, url, 1, 0 FROM observatory_relays WHERE url LIKE '%listed%'", ())?;
        tx.execute("INSERT INTO observatory_watches (id, relay, made_ms, made_by, state) SELECT 'x', id, 0, 'x', 'x' FROM observatory_relays WHERE url LIKE '%watched%'", ())
    });
    aged.await.unwrap();
    upkeep::forget(&ground, &intake).await.unwrap();
    let left = mentioned(&ground).await;
    let left: Vec<&str> = left.iter().map(|(url, _, _)| url.as_str()).collect();
    assert_eq!(
        left,
        ["lately", "listed", "relay", "watched"].map(|name| format!("wss://{name}.example/"))
    );
    // A seed that is still in the configuration is mentioned by it, and there is room again.
    let sql = "SELECT note FROM observatory_cursors WHERE name = 'discover.seeds'";
    let (note,): (String,) = ground.records.fetch_one(sql, ()).await.unwrap();
    let mut note: serde_json::Value = serde_json::from_str(&note).unwrap();
    note["read_ms"] = (now_ms - 6 * DAY_MS).into();
    let note = note.to_string();
    let older = ground.records.write(move |tx| {
        tx.execute(
            "UPDATE observatory_cursors SET note = ? WHERE name = 'discover.seeds'",
            (note.as_str(),),
        )
    });
    older.await.unwrap();
    seeds::read(&ground, &intake).await.unwrap();
    let again = mentioned(&ground).await;
    assert_eq!(again.len(), names.len());
    assert!(
        again
            .iter()
            .all(|(url, _, times)| *times == 1 + i64::from(!url.contains("forgotten")))
    );
}

async fn o1_3_many_are_forgotten_page_by_page(house: House) {
    let discover = Discover {
        seeds: (0..1_100).map(|n| format!("wss://{n}.example")).collect(),
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    let before_ms = ground.clock.now_ms() + DAY_MS;
    assert_eq!(
        candidates::forget(&ground.records, before_ms)
            .await
            .unwrap(),
        1_100
    );
    assert_eq!(candidates::count(&ground.records).await.unwrap(), 0);
    assert!(mentioned(&ground).await.is_empty());
}

async fn o5_3_relays_are_counted_by_state_and_network(house: House) {
    let discover = Discover {
        seeds: ["wss://a.example", "wss://b.example", "ws://c.onion"]
            .map(str::to_owned)
            .to_vec(),
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    let promoted = ground.records.write(|tx| {
        tx.execute(
            "UPDATE observatory_relays SET state = 'relay' WHERE url LIKE '%//a.%'",
            (),
        )
    });
    promoted.await.unwrap();
    let census = candidates::census(&ground.records).await.unwrap();
    assert_eq!(census.len(), 3);
    for expected in [
        (State::Candidate, Network::Clearnet, 1),
        (State::Candidate, Network::Tor, 1),
        (State::Relay, Network::Clearnet, 1),
    ] {
        assert!(census.contains(&expected), "{expected:?}");
    }
}

both_engines!(
    o1_3_candidates_that_nobody_mentions_any_more_are_forgotten,
    o1_3_many_are_forgotten_page_by_page,
    o5_3_relays_are_counted_by_state_and_network,
);
