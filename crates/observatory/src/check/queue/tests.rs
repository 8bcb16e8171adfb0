use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::*;
use crate::config::Config;
use crate::ground::Ground;
use crate::table::mention;

const HOUR_MS: u64 = 3_600_000;

/// Puts a relay into the records that is due at this time.
async fn relay(ground: &Ground, url: &str, next_ms: u64) -> RelayId {
    let url = crate::relay_url::RelayUrl::parse(url).unwrap();
    let write = ground.records.write(move |tx| {
        let (id, _) = mention(tx, &url, "test", None, 1)?;
        let sql = "UPDATE observatory_relays SET state = 'relay', next_ms = ? WHERE id = ?";
        tx.execute(sql, (stored(next_ms), id.0))?;
        Ok::<_, Error>(id)
    });
    write.await.unwrap()
}

fn onion(number: usize) -> String {
    // 56 characters, of which the checksum is of no interest here.
    format!(
        "ws://{:a>56}.onion/",
        format!("{}", ["b", "c", "d", "e", "f"][number])
    )
}

async fn o3_6_a_slow_network_does_not_hold_up_the_others(house: House) {
    let ground = crate::testing::ground(&house, Config::default()).await;
    for number in 0..5 {
        relay(&ground, &onion(number), 1).await;
    }
    let last = relay(&ground, "wss://a.example.com", 2).await;
    let connections = Connections {
        tor: 2,
        ..Connections::default()
    };
    let mut queue = Queue::new(3, &connections);
    queue.fill(&ground.records, 10).await.unwrap();
    let taken: Vec<Due> = std::iter::from_fn(|| queue.take()).collect();
    let tor = taken.iter().filter(|due| due.network == Network::Tor);
    assert_eq!(tor.count(), 2, "{taken:?}");
    assert!(taken.iter().any(|due| due.relay == last), "{taken:?}");
    assert!(queue.is_empty());
    queue.ended(Network::Tor);
    queue.fill(&ground.records, 10).await.unwrap();
    assert_eq!(queue.take().map(|due| due.network), Some(Network::Tor));
    // What is taken is not taken again, though it is due until it is written.
    queue.ended(Network::Clearnet);
    queue.fill(&ground.records, 10).await.unwrap();
    queue.ended(Network::Tor);
    queue.ended(Network::Tor);
    let rest: Vec<Due> = std::iter::from_fn(|| queue.take()).collect();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert!(rest.iter().all(|due| !taken.contains(due)));
}

async fn o2_4_a_clock_that_was_set_back_does_not_silence_checks(house: House) {
    let ground = crate::testing::ground(&house, Config::default()).await;
    let late = relay(&ground, "wss://a.example.com", 10_000 * HOUR_MS).await;
    let soon = relay(&ground, "wss://b.example.com", 40 * HOUR_MS).await;
    Queue::unwind(&ground.records, 5 * HOUR_MS, 24 * HOUR_MS)
        .await
        .unwrap();
    let mut queue = Queue::new(3, &Connections::default());
    queue.fill(&ground.records, 5 * HOUR_MS).await.unwrap();
    assert_eq!(queue.take().map(|due| due.relay), Some(late));
    assert_eq!(queue.take(), None);
    queue.fill(&ground.records, 40 * HOUR_MS).await.unwrap();
    assert_eq!(queue.take().map(|due| due.relay), Some(soon));
}

both_engines!(
    o3_6_a_slow_network_does_not_hold_up_the_others,
    o2_4_a_clock_that_was_set_back_does_not_silence_checks,
);
