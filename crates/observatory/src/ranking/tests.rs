use std::sync::Arc;

use proptest::prelude::*;
use stentor_event::{EventBuilder, Kind, Timestamp};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::{Outcome, Submission};

use super::score::Known;
use super::score::Score;
use super::*;
use crate::ground::Ground;
use crate::provenance::{How, Pair, credit};
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, mention};
use crate::testing::key;

fn best() -> Known {
    Known {
        uptime: Some(1.0),
        read_ms: Some(50),
        open_ms: Some(80),
        write_outcome: Some("accepted".to_owned()),
        auth_required: Some(false),
        payment_required: Some(false),
        writes_restricted: Some(false),
        events: 1_000,
        nips: Some(vec![1, 9, 11, 40, 42, 45, 50, 77]),
    }
}

#[test]
fn o4_6_the_best_has_one_and_what_was_not_tested_is_left_out() {
    assert!((Score::of(&best(), 1_000).score - 1.0).abs() < 1e-9);
    let untested = Known {
        write_outcome: None,
        auth_required: None,
        nips: None,
        read_ms: None,
        open_ms: None,
        ..best()
    };
    let score = Score::of(&untested, 1_000);
    assert!((score.score - 1.0).abs() < 1e-9);
    assert_eq!(
        (score.openness.value, score.speed.value, score.nips.value),
        (None, None, None)
    );
    assert_eq!(Score::of(&Known::default(), 0).score, 0.0);
}

#[test]
fn o4_6_openness_tells_policies_from_failures() {
    let openness = |outcome: &str, known: Known| {
        let outcome = Some(outcome.to_owned());
        Score::of(
            &Known {
                write_outcome: outcome,
                ..known
            },
            1,
        )
        .openness
        .value
    };
    let silent = Known::default;
    assert_eq!(openness("accepted", silent()), Some(1.0));
    assert_eq!(openness("auth-required", silent()), Some(0.5));
    assert_eq!(openness("blocked", silent()), Some(0.0));
    assert_eq!(openness("failed", silent()), None);
    assert_eq!(openness("failed", best()), Some(1.0));
    let paid = Known {
        payment_required: Some(true),
        ..best()
    };
    assert_eq!(openness("accepted", paid), Some(0.0));
}

proptest! {
    #[test]
    fn o4_6_scores_lie_between_0_and_1_and_grow_with_uptime(
        uptime in 0.0_f64..1.0, more in 0.0_f64..1.0, read in prop::option::of(any::<i64>()),
        open in prop::option::of(any::<i64>()), events: u64, most: u64,
    ) {
        let known = Known { uptime: Some(uptime), read_ms: read, open_ms: open, events, ..Known::default() };
        let score = Score::of(&known, most).score;
        prop_assert!((0.0..=1.0).contains(&score));
        let better = Known { uptime: Some((uptime + more).min(1.0)), ..known };
        prop_assert!(Score::of(&better, most).score >= score);
    }
}

async fn relay(
    ground: &Ground,
    url: &str,
    status: &'static str,
    uptime: f64,
    read_ms: i64,
) -> RelayId {
    let url = RelayUrl::parse(url).unwrap();
    let done: Result<RelayId, stentor_sql::Error> = ground
        .records
        .write(move |tx| {
            let (id, _) = mention(tx, &url, "test", None, 1)?;
            tx.execute(
                "UPDATE observatory_relays SET state = 'relay', status = ?, uptime_day = ?, read_ms = ?, country = 'DE', document = ?
                 WHERE id = ?",
                (status, uptime, read_ms, [0_u8; 32], id.0),
            )?;
            tx.execute("INSERT INTO observatory_nips (relay, nip) VALUES (?, 1), (?, 50)", (id.0, id.0))?;
            Ok(id)
        })
        .await;
    done.unwrap()
}

async fn o4_6_what_is_alive_is_listed_the_best_first(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    relay(&ground, "wss://slow.example/", "online", 0.9, 4_000).await;
    relay(&ground, "wss://fast.example/", "online", 0.9, 100).await;
    relay(&ground, "wss://twin.example/", "online", 0.9, 100).await;
    relay(&ground, "wss://gone.example/", "offline", 1.0, 10).await;
    let urls = async |query: AliveQuery| {
        let found = alive(&ground.records, &query).await.unwrap();
        found.into_iter().map(|one| one.url).collect::<Vec<_>>()
    };
    let all = AliveQuery {
        limit: 10,
        ..AliveQuery::default()
    };
    let sorted = [
        "wss://fast.example/",
        "wss://twin.example/",
        "wss://slow.example/",
    ];
    assert_eq!(urls(all.clone()).await, sorted);
    // One by one, by the cursor.
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let query = AliveQuery {
            limit: 1,
            after,
            ..AliveQuery::default()
        };
        let Some(one) = alive(&ground.records, &query).await.unwrap().pop() else {
            break;
        };
        after = Some((one.score.score, one.relay));
        paged.push(one.url);
    }
    assert_eq!(paged, sorted);
    assert_eq!(
        urls(AliveQuery {
            read_ms: Some(200),
            ..all.clone()
        })
        .await,
        sorted[..2]
    );
    assert_eq!(
        urls(AliveQuery {
            nips: vec![1, 50],
            country: Some("de".into()),
            ..all.clone()
        })
        .await,
        sorted
    );
    assert!(
        urls(AliveQuery {
            nips: vec![77],
            ..all.clone()
        })
        .await
        .is_empty()
    );
    assert!(urls(AliveQuery { open: true, ..all }).await.is_empty());
}

/// Notes of the key 5, each a second before the next, and their numbers.
async fn notes(ground: &Ground, count: u64) -> Vec<u64> {
    let now = ground.clock.now();
    let batch = (1..=count).map(|age| Submission {
        event: EventBuilder::new(Kind::NOTE, Timestamp(now.0 - age)).sign(&key(5)),
        verified: true,
    });
    let outcomes = ground.archive.submit(batch.collect(), now).await.unwrap();
    let number = |outcome: &Outcome| match outcome {
        Outcome::Stored(number) => number.0,
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(number).collect()
}

async fn hold(ground: &Ground, pairs: Vec<(RelayId, u64)>) {
    let pair = |(relay, number)| Pair {
        number,
        relay,
        seen_ms: 1,
        created_ms: 1,
        how: How::Fetched,
    };
    let pairs: Vec<Pair> = pairs.into_iter().map(pair).collect();
    let credited = ground.records.write(move |tx| credit(tx, &pairs));
    credited.await.unwrap();
}

async fn o4_6_what_an_author_lists_is_told_however_little_it_holds(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let list = EventBuilder::new(Kind::RELAY_LIST, ground.clock.now())
        .tag(["r", "wss://listed.example"])
        .sign(&key(5));
    let numbers = notes(&ground, 3).await;
    let list = Submission {
        event: list,
        verified: true,
    };
    let submitted = ground.archive.submit(vec![list], ground.clock.now());
    submitted.await.unwrap();
    crate::statistics::count_all(&ground).await;
    let mut pairs = Vec::new();
    for place in 0..delivery::MOST_RELAYS {
        let url = format!("wss://r{place}.example/");
        let better = relay(&ground, &url, "online", 1.0, 10).await;
        pairs.extend(numbers.iter().map(|number| (better, *number)));
    }
    for url in ["wss://listed.example/", "wss://other.example/"] {
        let one = relay(&ground, url, "online", 1.0, 10).await;
        pairs.push((one, numbers[0]));
    }
    hold(&ground, pairs).await;
    let author = key(5).public_key();
    let found = deliveries(&ground, author, 30, Arc::default());
    let found = found.await.unwrap();
    assert_eq!(found.relays.len(), delivery::MOST_RELAYS + 1);
    let listed = found.relays.iter().find(|one| one.listed).unwrap();
    assert_eq!(
        (listed.url.as_str(), listed.held),
        ("wss://listed.example/", 1)
    );
}

async fn o4_6_more_events_than_are_looked_for_are_told_of(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let author = key(5).public_key();
    let found = async || {
        let found = deliveries(&ground, author, 30, Arc::default());
        let found = found.await.unwrap();
        (found.of, found.bound_reached)
    };
    notes(&ground, 1_000).await;
    assert_eq!(found().await, (1_000, false));
    let now = ground.clock.now();
    let one_more = Submission {
        event: EventBuilder::new(Kind::REACTION, now).sign(&key(5)),
        verified: true,
    };
    ground.archive.submit(vec![one_more], now).await.unwrap();
    assert_eq!(found().await, (1_000, true));
}

async fn o4_6_an_authors_events_are_looked_for_at_every_relay(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let now = ground.clock.now().0;
    let note = |age: u64| EventBuilder::new(Kind::NOTE, Timestamp(now - age)).sign(&key(5));
    let list = EventBuilder::new(Kind::RELAY_LIST, Timestamp(now))
        .tag(["r", "wss://b.example"])
        .tag(["r", "wss://unknown.example", "write"])
        .tag(["r", "wss://inbox.example", "read"])
        .sign(&key(5));
    let mut events: Vec<_> = (1..=9).map(note).collect();
    events.push(list);
    events.push(note(40 * 86_400));
    let batch = events.into_iter().map(|event| Submission {
        event,
        verified: true,
    });
    let outcomes = ground
        .archive
        .submit(batch.collect(), ground.clock.now())
        .await
        .unwrap();
    let numbers = outcomes.iter().map(|outcome| match outcome {
        Outcome::Stored(number) => number.0,
        other => panic!("{other:?}"),
    });
    let numbers: Vec<u64> = numbers.collect();
    crate::statistics::count_all(&ground).await;
    let a = relay(&ground, "wss://a.example/", "online", 1.0, 10).await;
    let b = relay(&ground, "wss://b.example/", "online", 1.0, 10).await;
    let off = relay(&ground, "wss://off.example/", "offline", 1.0, 10).await;
    let mut pairs = Vec::new();
    for (relay, range) in [(a, 0..6), (b, 4..8), (off, 0..11)] {
        pairs.extend(numbers[range].iter().map(|number| Pair {
            number: *number,
            relay,
            seen_ms: 1,
            created_ms: 1,
            how: How::Fetched,
        }));
    }
    ground
        .records
        .write(move |tx| credit(tx, &pairs))
        .await
        .unwrap();
    let deliveries = async |who: u8| {
        let author = key(who).public_key();
        deliveries(&ground, author, 30, Arc::default())
            .await
            .unwrap()
    };
    let found = deliveries(5).await;
    assert_eq!(found.of, 10, "the one of 40 days ago is not asked for");
    assert!(!found.bound_reached);
    let rows: Vec<_> = found
        .relays
        .iter()
        .map(|one| {
            (
                one.url.as_str(),
                one.held,
                one.held_so_far,
                one.listed,
                one.online,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("wss://a.example/", 6, 6, false, true),
            ("wss://b.example/", 4, 8, true, true),
            ("wss://off.example/", 10, 10, false, false),
            ("wss://unknown.example/", 0, 10, true, false),
        ]
    );
    let nobody = deliveries(6).await;
    assert_eq!((nobody.of, nobody.relays.len()), (0, 0));
}

both_engines!(
    o4_6_what_is_alive_is_listed_the_best_first,
    o4_6_an_authors_events_are_looked_for_at_every_relay,
    o4_6_what_an_author_lists_is_told_however_little_it_holds,
    o4_6_more_events_than_are_looked_for_are_told_of,
);
