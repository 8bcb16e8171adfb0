//! All of it together: from one relay to another (O1).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::super::run;
use super::server::{answer, empty_relay, http};
use super::{config, event, mentioned, row, store, until};
use crate::config::{Discover, HttpList};
use crate::error::Error;
use crate::ground::Ground;
use crate::testing::ground;

/// Runs the service, and again when it finds that a write of one that was dropped was still on its way.
async fn supervised(ground: &Arc<Ground>) -> Infallible {
    loop {
        match run(ground.clone()).await {
            Err(Error::Invalid(problem)) if problem.contains("somebody else") => {}
            ended => panic!("{ended:?}"),
        }
    }
}

async fn o1_1_one_seed_leads_to_the_others_and_a_restart_counts_nothing_twice(house: House) {
    let (seed, mentioned_by_event, listed, later) = (
        empty_relay().await,
        empty_relay().await,
        empty_relay().await,
        empty_relay().await,
    );
    let body = serde_json::json!({ "relays": [{ "url": listed }] }).to_string();
    let (address, _) = http(move |_| answer("200 OK", "", &body)).await;
    let discover = Discover {
        seeds: vec![seed.clone()],
        lists: vec![HttpList {
            url: format!("http://{address}/"),
            path: Some("$.relays[*].url".to_owned()),
            interval_minutes: 1,
        }],
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    let first = event(&ground, 3, 10_002, &[&["r", &mentioned_by_event]]);
    store(&ground, &*ground.archive, [first]).await;
    let relays = |count| {
        until(
            &ground,
            "SELECT COUNT(*) FROM observatory_relays WHERE state = 'relay'",
            count,
        )
    };
    let watched = async {
        relays(3).await;
        // What is stored while it runs is found as it comes.
        let second = event(&ground, 4, 1, &[&["e", "00", &later]]);
        store(&ground, &*ground.own, [second]).await;
        relays(4).await;
    };
    tokio::select! {
        never = supervised(&ground) => match never {},
        () = watched => {}
    }
    let mut expected = vec![
        row(&seed, "seeds", 1),
        row(&mentioned_by_event, "kind_10002", 1),
        row(&listed, "http_list", 1),
        row(&later, "hint", 1),
    ];
    expected.sort();
    let mut found = mentioned(&ground).await;
    found.sort();
    assert_eq!(found, expected);
    let more = event(&ground, 5, 1, &[&["r", &later]]);
    store(&ground, &*ground.own, [more]).await;
    let again = until(&ground, "SELECT COUNT(*) FROM observatory_mentions", 5);
    tokio::select! {
        never = supervised(&ground) => match never {},
        () = again => {}
    }
    assert!(
        mentioned(&ground)
            .await
            .iter()
            .all(|(_, _, times)| *times == 1)
    );
}

async fn o5_1_discovery_can_be_dropped_at_any_moment(house: House) {
    let relay = empty_relay().await;
    let discover = Discover {
        seeds: (0..40).map(|n| format!("{relay}{n}")).collect(),
        parallel: 4,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    for _ in 0..10 {
        let some = tokio::time::timeout(Duration::from_millis(15), run(ground.clone()));
        // It may have met a write of the one before.
        let _ = some.await;
    }
    tokio::select! {
        never = supervised(&ground) => match never {},
        () = until(&ground, "SELECT COUNT(*) FROM observatory_relays WHERE state = 'relay'", 40) => {}
    }
    let found = mentioned(&ground).await;
    assert!(found.len() == 40 && found.iter().all(|(_, _, times)| *times == 1));
    // Every permit was given back, as far as connections are closed.
    assert_eq!(ground.budget.free(), ground.config.connections.total);
}

both_engines!(
    o1_1_one_seed_leads_to_the_others_and_a_restart_counts_nothing_twice,
    o5_1_discovery_can_be_dropped_at_any_moment,
);
