//! The relays that most events came from live (O4.1).

use super::*;
use crate::answer::arrivals;
use crate::provenance::latency::{EARLY, LATE};

both_engines!(o4_1_the_relays_that_most_came_from_are_not_the_first_ones);

async fn o4_1_the_relays_that_most_came_from_are_not_the_first_ones(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    let write = records.write(|tx| {
        // More relays than are looked at for a page; the last ones have most, and some only what tells nothing.
        for id in 1..=230_i64 {
            tx.execute(
                "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status)
                 VALUES (?, ?, 'clearnet', 'relay', 1, 'seed', 0, 0, 'online')",
                (id, format!("wss://r{id}.example/")),
            )?;
            let sql = "INSERT INTO observatory_latency (relay, bucket, count) VALUES (?, ?, ?)";
            for (bucket, count) in [(EARLY, 999 - id), (LATE, 5)] {
                tx.execute(sql, (id, bucket, count))?;
            }
            if id > 3 {
                tx.execute(sql, (id, 4, id / 2))?;
                tx.execute(sql, (id, 9, id - id / 2))?;
            }
        }
        Ok::<_, stentor_sql::Error>(())
    });
    write.await.unwrap();
    let found = arrivals(records, 10).await.unwrap();
    let brief: Vec<_> = found.iter().map(|one| (one.relay, one.events)).collect();
    let expected: Vec<_> = (221..=230).rev().map(|id| (id, id as u64)).collect();
    assert_eq!(brief, expected);
    assert_eq!(found[0].url, "wss://r230.example/");
    assert_eq!((found[0].early, found[0].late), (769, 5));
    assert_eq!(arrivals(records, 500).await.unwrap().len(), 50);
}
