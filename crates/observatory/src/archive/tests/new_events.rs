//! Events that come while it runs: new ones (O3.3), and old ones (O3.2).

use stentor_simulation::{Asked, Character, Network, Relay};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::time::{sleep, timeout};

use super::super::service::run;
use super::*;
use crate::config::Archive;

both_engines!(
    o3_3_new_events_come_as_they_are_published,
    o3_2_what_came_late_is_found_by_the_second_look,
    o3_2_the_second_look_is_by_each_filter,
    o3_2_a_look_back_takes_no_proof_away,
);

async fn o3_3_new_events_come_as_they_are_published(house: House) {
    let network = Network::start(spec(&[Character::Honest], 20))
        .await
        .unwrap();
    let ground = ground(
        &house,
        Archive {
            live: 4,
            ..config()
        },
    )
    .await;
    let ids = enter(&ground, &network).await;
    let relay = &network.relays()[0];
    let event = network.fresh_event(1, 1, now() + 1, "live");
    let id = event.id();
    let seen = async {
        // The subscription is one of those with a limit of 1.
        relay.until(|relay| relay.asked().iter().any(is_live)).await;
        relay.publish(event).await;
        loop {
            let number = ground.archive.numbers(&[id]).await.unwrap()[0];
            if let Some(number) = number {
                let held = crate::provenance::holders(&ground.records, number.0)
                    .await
                    .unwrap();
                if let Some(held) = held.first() {
                    return *held;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let held = timeout(LIMIT, async {
        tokio::select! {
            ended = run(ground.clone()) => panic!("{ended:?}"),
            held = seen => held,
        }
    });
    let held = held.await.expect("in time");
    assert_eq!(held.relay, ids[relay.url()]);
    assert_eq!(held.how, crate::provenance::How::Live);
}

fn is_live(asked: &Asked) -> bool {
    matches!(asked, Asked::Req { filters, .. } if filters.iter().any(|filter| filter.limit == Some(1)))
}

async fn o3_2_what_came_late_is_found_by_the_second_look(house: House) {
    let characters = [Character::Backdating, Character::Negentropy];
    let network = Network::start(spec(&characters, 100)).await.unwrap();
    let ground = ground(
        &house,
        Archive {
            second_look_hours: 1,
            ..config()
        },
    )
    .await;
    enter(&ground, &network).await;
    archive(&ground, 2).await;
    let late: Vec<_> = (0..2)
        .map(|n| network.fresh_event(n, 1, now() - 3 * DAY, "late"))
        .collect();
    for (relay, event) in network.relays().iter().zip(&late) {
        relay.publish(event.clone()).await;
    }
    // As if two hours had passed, in which all of the past is due once more.
    ground
        .records
        .write(|tx| {
            tx.execute(
                "UPDATE observatory_archiving SET next_ms = 0, last_ms = last_ms - 7200000",
                (),
            )
        })
        .await
        .unwrap();
    archive(&ground, 2).await;
    let got = archived(&ground).await;
    assert!(late.iter().all(|event| got.contains(&event.id())));
}

async fn o3_2_the_second_look_is_by_each_filter(house: House) {
    let network = Network::start(spec(&[Character::Backdating], 60))
        .await
        .unwrap();
    let filters = [
        format!(r#"{{"kinds":[1],"since":{}}}"#, now() - 4 * DAY),
        r#"{"kinds":[7]}"#.to_owned(),
    ];
    let ground = ground(
        &house,
        Archive {
            filters: filters.into(),
            second_look_hours: 4,
            ..config()
        },
    )
    .await;
    enter(&ground, &network).await;
    archive(&ground, 1).await;
    let relay = &network.relays()[0];
    let days = [1, 3, 6, 10, 14, 18];
    let late: Vec<_> = days
        .iter()
        .map(|days| network.fresh_event(1, 7, now() - days * DAY, "late"))
        .collect();
    for event in &late {
        relay.publish(event.clone()).await;
    }
    // Five visits, each as if an hour had passed since the one before: a quarter of the past is due once more at each.
    for _ in 0..5 {
        ground
            .records
            .write(|tx| {
                tx.execute(
                    "UPDATE observatory_archiving SET next_ms = 0, last_ms = last_ms - 3600000",
                    (),
                )
            })
            .await
            .unwrap();
        archive(&ground, 1).await;
    }
    let got = archived(&ground).await;
    let found = late.iter().map(|event| got.contains(&event.id()));
    assert_eq!(found.collect::<Vec<_>>(), [true; 6]);
}

async fn o3_2_a_look_back_takes_no_proof_away(house: House) {
    // One second has many events: a relay list for every eight URLs.
    let urls = (0..200).map(|number| format!("wss://{number}.relays.net/"));
    let spec = spec(&[Character::Honest, Character::Duplicating], 100).mention(urls);
    let network = Network::start(spec).await.unwrap();
    let ground = ground(&house, config()).await;
    let ids = enter(&ground, &network).await;
    archive(&ground, 2).await;
    let complete = async || {
        for relay in network.relays() {
            let known = covered(&ground, ids[relay.url()]).await;
            let proven = matches!(&known[..], [(_, _, state, _)] if state == "complete");
            assert!(proven, "{}: {known:?}", relay.character());
        }
    };
    complete().await;
    let before = asked(&network);
    // As if twenty-five minutes had passed, which makes an hour and some minutes of the past due once more.
    ground
        .records
        .write(|tx| {
            tx.execute(
                "UPDATE observatory_archiving SET next_ms = 0, last_ms = last_ms - 1500000",
                (),
            )
        })
        .await
        .unwrap();
    archive(&ground, 2).await;
    assert!(asked(&network) > before);
    complete().await;
}

fn asked(network: &Network) -> u64 {
    network.relays().iter().map(Relay::requests).sum()
}
