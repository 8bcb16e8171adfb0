//! Going on where it was (O3.5).

use std::time::Duration;

use stentor_simulation::{Character, Network, Relay, Spec, repeated};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::plan::{OVERLAP, RECENT};
use super::super::progress::progress;
use super::super::service::run;
use super::*;
use crate::config::Archive;

both_engines!(
    o3_5_a_second_run_fetches_nothing_new,
    o3_5_killed_at_any_point_it_goes_on_where_it_was,
);

async fn o3_5_a_second_run_fetches_nothing_new(house: House) {
    let characters = [Character::Negentropy, Character::Capped, Character::Honest];
    let network = Network::start(spec(&characters, 400)).await.unwrap();
    let ground = ground(&house, config()).await;
    let ids = enter(&ground, &network).await;
    archive(&ground, ids.len()).await;
    let before = (archived(&ground).await, progress(&ground).await.unwrap());
    assert_eq!(
        (before.1.relays, before.1.complete),
        (3, 3),
        "{:?}",
        before.1
    );
    assert_eq!(before.1.events, before.0.len() as u64);
    ground
        .records
        .write(|tx| tx.execute("UPDATE observatory_archiving SET next_ms = 0", ()))
        .await
        .unwrap();
    archive(&ground, ids.len()).await;
    let after = progress(&ground).await.unwrap();
    assert_eq!(archived(&ground).await, before.0);
    assert_eq!(after.events, before.1.events, "nothing new");
    // Everything that a relay showed is credited to it, what never travelled twice included.
    let holdings: Vec<(i64, i64)> = ground
        .records
        .fetch_all(
            "SELECT relay, events FROM observatory_relay_counts ORDER BY relay LIMIT 9",
            (),
        )
        .await
        .unwrap();
    for relay in network.relays() {
        let id = ids[relay.url()].0;
        let held = holdings
            .iter()
            .find(|row| row.0 == id)
            .map_or(0, |row| row.1);
        assert_eq!(
            held as usize,
            relay.truth().honest.len(),
            "{}",
            relay.character()
        );
    }
}

/// The number of the last connection that a relay has had from who was dropped. Connections are accepted in their order, so that all
/// before ours are by the time that it is answered.
async fn last_connection(relay: &Relay) -> u64 {
    let mut stream = TcpStream::connect(relay.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(stream.read_u8().await.is_ok());
    relay.connections()
}

async fn o3_5_killed_at_any_point_it_goes_on_where_it_was(house: House) {
    let characters = [Character::Capped];
    let spec = Spec {
        pause: Duration::from_millis(1),
        ..spec(&characters, 600)
    };
    let begun = now();
    let network = Network::start(spec).await.unwrap();
    let relay = &network.relays()[0];
    let archive_config = Archive {
        page_events: 20,
        ..config()
    };
    let since = archive_config.since;
    let ground = ground(&house, archive_config).await;
    enter(&ground, &network).await;
    let mut lives = Vec::new();
    while ended(&ground).await < 1 {
        assert!(lives.len() < 500, "it comes to an end");
        let life = Duration::from_millis(15 + 23 * (lives.len() as u64 % 9));
        let ended = timeout(life, run(ground.clone())).await;
        assert!(ended.is_err(), "{ended:?}");
        lives.push(last_connection(relay).await);
        // A turn that was begun anew is due at once.
        let sql = "UPDATE observatory_archiving SET next_ms = 0 WHERE behind > 0";
        ground
            .records
            .write(move |tx| tx.execute(sql, ()))
            .await
            .unwrap();
    }
    let union = network.union(|_, _| true);
    assert_eq!(archived(&ground).await, union);
    // What is newer is looked at again at each visit.
    let repeated = repeated(
        &relay.asked_on(),
        &lives,
        since..=begun - RECENT - OVERLAP - 1,
    );
    assert_eq!(repeated.unexcused, 0, "{lives:?}");
    assert!(
        repeated.excused > 0,
        "kills came while windows were on their way"
    );
    let known = covered(&ground, RelayId(1)).await;
    assert!(matches!(&known[..], [(from, _, state, _)] if *from == since && state == "complete"));
}
