use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use roaring::RoaringBitmap;
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_sql::{Database, Error};
use tokio::runtime::Handle;

use super::among::held_within;
use super::chunk::Holding;
use super::read::PAGE;
use super::read_all::PairReader;
use super::*;
use crate::clock::{read, stored};

/// What is kept, as simply as it can be said.
#[derive(Debug, Default)]
struct Model {
    pairs: BTreeMap<(i64, u64), (u64, How)>,
    gone: BTreeSet<u64>,
    latency: BTreeMap<(i64, i64), i64>,
}

impl Model {
    fn credit(&mut self, pairs: &[Pair]) -> u64 {
        let mut pairs = pairs.to_vec();
        pairs.sort_by_key(|pair| (pair.seen_ms, pair.how));
        let mut new = 0;
        for pair in pairs {
            let key = (pair.relay.0, pair.number);
            if self.gone.contains(&pair.number) || self.pairs.contains_key(&key) {
                continue;
            }
            new += 1;
            self.pairs.insert(key, (pair.seen_ms, pair.how));
            if pair.how == How::Live {
                let bucket = latency::bucket(pair.seen_ms, pair.created_ms);
                *self.latency.entry((pair.relay.0, bucket)).or_default() += 1;
            }
        }
        new
    }

    fn forget(&mut self, numbers: &[u64]) {
        self.gone.extend(numbers);
        self.pairs
            .retain(|(_, number), _| !self.gone.contains(number));
    }

    fn copies(&self) -> BTreeMap<u64, Vec<i64>> {
        let mut copies: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for (relay, number) in self.pairs.keys() {
            copies.entry(*number).or_default().push(*relay);
        }
        copies
    }

    /// Events and exclusive events by relay.
    fn counts(&self) -> BTreeMap<i64, (i64, i64)> {
        let mut counts: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for relays in self.copies().values() {
            for relay in relays {
                let count = counts.entry(*relay).or_default();
                count.0 += 1;
                count.1 += i64::from(relays.len() == 1);
            }
        }
        counts
    }

    fn replication(&self) -> BTreeMap<i64, i64> {
        let mut events = BTreeMap::new();
        for relays in self.copies().values() {
            *events.entry(relays.len() as i64).or_default() += 1;
        }
        events
    }
}

/// Numbers of events that a relay holds, from the one after `after` on, ascending, at most `limit`.
async fn numbers_of(
    records: &Database,
    relay: RelayId,
    after: u64,
    limit: usize,
) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    let mut from = after.saturating_add(1);
    while numbers.len() < limit {
        let rows: Vec<(i64, Vec<u8>)> = records
            .fetch_all(
                "SELECT chunk, here FROM observatory_holdings WHERE relay = ? AND chunk >= ? ORDER BY chunk LIMIT ?",
                (relay.0, stored(chunk::of(from)), PAGE),
            )
            .await?;
        let Some((last, _)) = rows.last() else {
            break;
        };
        let next = chunk::number(read(*last) + 1, 0);
        for (chunk, here) in rows {
            let held = Holding::decode(&here, None)?.here;
            let held = held.iter().map(|place| chunk::number(read(chunk), place));
            let wanted = held.filter(|number| *number >= from);
            numbers.extend(wanted.take(limit - numbers.len()));
        }
        from = next;
    }
    Ok(numbers)
}

async fn check(records: &Database, model: &Model) {
    let counts: Vec<(i64, i64, i64)> = records
        .fetch_all(
            "SELECT relay, events, exclusive FROM observatory_relay_counts WHERE events <> 0 OR exclusive <> 0",
            (),
        )
        .await
        .unwrap();
    let counts = counts
        .into_iter()
        .map(|(relay, events, exclusive)| (relay, (events, exclusive)));
    assert_eq!(counts.collect::<BTreeMap<_, _>>(), model.counts());
    let copies: Vec<(i64, i64)> = records
        .fetch_all(
            "SELECT copies, events FROM observatory_replication WHERE events <> 0",
            (),
        )
        .await
        .unwrap();
    assert_eq!(
        copies.into_iter().collect::<BTreeMap<_, _>>(),
        model.replication()
    );
    let latency: Vec<(i64, i64, i64)> = records
        .fetch_all("SELECT relay, bucket, count FROM observatory_latency", ())
        .await
        .unwrap();
    let latency = latency
        .into_iter()
        .map(|(relay, bucket, count)| ((relay, bucket), count));
    assert_eq!(latency.collect::<BTreeMap<_, _>>(), model.latency);
    let mut reader = PairReader::new(records, 0..u64::MAX);
    let mut held = BTreeMap::new();
    while let Some(batch) = reader.next().await.unwrap() {
        for pair in batch {
            held.insert((pair.relay.0, pair.number), (pair.seen_ms, pair.how));
        }
    }
    assert_eq!(held, model.pairs);
    let rows: (i64,) = records
        .fetch_one(
            "SELECT CAST(COALESCE(SUM(pairs), 0) AS BIGINT) FROM observatory_holdings",
            (),
        )
        .await
        .unwrap();
    assert_eq!(rows.0 as usize, model.pairs.len());
}

#[derive(Debug, Clone)]
enum Act {
    Credit(Vec<Pair>),
    Forget(Vec<u64>),
}

/// Numbers close together and around the borders of rows and chunks.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 1_u64..40,
        1 => 2_040_u64..2_060,
        1 => 8_185_u64..8_200,
        1 => 65_530_u64..65_545,
        1 => 1_u64..1_000_000,
    ]
}

fn pair() -> impl Strategy<Value = Pair> {
    (number(), 1_i64..6, 0_u64..100_000, 0_u64..90, any::<bool>()).prop_map(
        |(number, relay, seen_ms, created, live)| Pair {
            number,
            relay: RelayId(relay),
            seen_ms,
            created_ms: created * 1_000,
            how: if live { How::Live } else { How::Fetched },
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => prop::collection::vec(pair(), 0..60).prop_map(Act::Credit),
        1 => prop::collection::vec(number(), 0..12).prop_map(Act::Forget),
    ];
    prop::collection::vec(act, 0..14)
}

pub(super) async fn empty(records: &Database) {
    let done: Result<(), Error> = records
        .write(|tx| {
            tx.execute("DELETE FROM observatory_holdings", ())?;
            tx.execute("DELETE FROM observatory_seen", ())?;
            tx.execute("DELETE FROM observatory_copies", ())?;
            tx.execute("DELETE FROM observatory_relay_counts", ())?;
            tx.execute("DELETE FROM observatory_replication", ())?;
            tx.execute("DELETE FROM observatory_latency", ())?;
            Ok(())
        })
        .await;
    done.unwrap();
}

async fn played(records: &Database, acts: Vec<Act>) {
    empty(records).await;
    let mut model = Model::default();
    for act in acts {
        match act {
            Act::Credit(pairs) => {
                let expected = model.credit(&pairs);
                let credited = records.write(move |tx| credit(tx, &pairs)).await;
                assert_eq!(credited, Ok(expected));
            }
            Act::Forget(numbers) => {
                model.forget(&numbers);
                let done = records.write(move |tx| forget(tx, &numbers)).await;
                assert_eq!(done, Ok(()));
            }
        }
    }
    check(records, &model).await;
    for (number, relays) in model.copies().into_iter().take(5) {
        let found = holders(records, number).await.unwrap();
        let found: Vec<i64> = found.iter().map(|held| held.relay.0).collect();
        assert_eq!(found, relays);
    }
    for relay in 1..6 {
        let held = model.pairs.keys().filter(|pair| pair.0 == relay);
        let held: Vec<u64> = held
            .map(|pair| pair.1)
            .filter(|number| *number > 7)
            .take(30)
            .collect();
        assert_eq!(numbers_of(records, RelayId(relay), 7, 30).await, Ok(held));
    }
}

async fn o3_3_pairs_and_all_counts_are_those_of_a_naive_model(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let mut runner = TestRunner::new(Cases::with_cases(24));
    let handle = Handle::current();
    tokio::task::block_in_place(|| {
        runner
            .run(&acts(), |acts| {
                handle.block_on(played(&ground.records, acts));
                Ok(())
            })
            .unwrap();
    });
}

both_engines!(
    o3_3_pairs_and_all_counts_are_those_of_a_naive_model,
    o4_6_each_event_is_looked_for_at_all_relays_or_at_none,
    o4_2_holders_of_many_events_are_told_in_the_order_of_relays,
    o4_2_holders_of_the_events_of_a_chunk_are_read_in_one_pass,
);

/// Pairs of relays and numbers.
async fn hold(records: &Database, pairs: impl Iterator<Item = (i64, u64)>) {
    let pair = |(relay, number)| Pair {
        number,
        relay: RelayId(relay),
        seen_ms: number + 1_000 * relay.unsigned_abs(),
        created_ms: 1,
        how: if number % 2 == 0 {
            How::Live
        } else {
            How::Fetched
        },
    };
    let pairs: Vec<Pair> = pairs.map(pair).collect();
    records.write(move |tx| credit(tx, &pairs)).await.unwrap();
}

/// Three chunks, in each of which 100 relays hold all of two events.
async fn o4_6_each_event_is_looked_for_at_all_relays_or_at_none(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let numbers: Vec<u64> = (0..3_u64)
        .flat_map(|chunk| [1, 2].map(|place| chunk << 16 | place))
        .collect();
    let pairs = (1..=100).flat_map(|relay| numbers.iter().map(move |number| (relay, *number)));
    hold(&ground.records, pairs).await;
    for (rows, of) in [
        (1, 2),
        (99, 2),
        (100, 2),
        (101, 4),
        (200, 4),
        (201, 6),
        (1_000, 6),
    ] {
        let among = held_within(&ground.records, &numbers, rows).await.unwrap();
        assert_eq!((among.of, among.held.len()), (of, 100), "{rows}");
        // Places in the list of all.
        let looked_for: RoaringBitmap = (6 - of as u32..6).collect();
        for held in among.held.values() {
            assert_eq!(held, &looked_for, "{rows}");
        }
    }
    let none = held_within(&ground.records, &[], 1).await.unwrap();
    assert_eq!((none.of, none.held.len()), (0, 0));
}

/// Events that nobody, one relay, some, and all of many relays hold, in two chunks.
async fn o4_2_holders_of_many_events_are_told_in_the_order_of_relays(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let records = &ground.records;
    let relays = |number: u64| match number & 0xffff {
        1 => 0..0,
        2 => 97..98,
        3 => 60..71,
        _ => 1..131,
    };
    let numbers: BTreeSet<u64> = [1, 2, 3, 4, 9_000, 65_537, 65_538, 131_075].into();
    let pairs = numbers
        .iter()
        .flat_map(|number| relays(*number).map(|relay| (relay, *number)));
    hold(records, pairs).await;
    for most in [0, 1, 5, 100, 1_000] {
        let found = holders_of(records, &numbers, most).await.unwrap();
        for number in &numbers {
            let expected: Vec<(i64, u64)> = relays(*number)
                .map(|relay| (relay, number + 1_000 * relay as u64))
                .collect();
            let one = found.get(number).map(|one| (one.total, &one.first));
            let Some((total, first)) = one else {
                assert_eq!(expected, []);
                continue;
            };
            assert_eq!(total, expected.len() as u64);
            let first: Vec<(i64, u64)> = first
                .iter()
                .map(|held| (held.relay.0, held.seen_ms))
                .collect();
            assert_eq!(
                first,
                expected[..most.min(expected.len())],
                "{number} {most}"
            );
        }
    }
    // A chunk of which only one relay is asked for, and one that is gone.
    records.write(|tx| forget(tx, &[4])).await.unwrap();
    let found = holders_of(records, &[2, 4].into(), 10).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|(number, one)| (*number, one.first.len()))
        .collect();
    assert_eq!(told, [(2, 1)]);
}

/// However many events are asked for, what 130 relays hold of their chunk is read once, and no further than it has to be.
async fn o4_2_holders_of_the_events_of_a_chunk_are_read_in_one_pass(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let records = &ground.records;
    let shared: BTreeSet<u64> = (1..=100).collect();
    let pairs = (1..=130).flat_map(|relay| shared.iter().map(move |number| (relay, *number)));
    hold(records, pairs).await;
    let alone: BTreeSet<u64> = (200..=220).collect();
    hold(records, alone.iter().map(|number| (130, *number))).await;
    let pages = async |numbers: &BTreeSet<u64>, most| {
        let (found, pages) = super::holders::read(records, numbers, most).await.unwrap();
        assert_eq!(found.len(), numbers.len());
        pages
    };
    assert_eq!(
        (pages(&shared, 200).await, pages(&shared, 64).await),
        (3, 1)
    );
    assert_eq!(
        pages(&alone, 200).await,
        1,
        "only their holder is looked at"
    );
}

/// How the events that a relay holds lie among all.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Each event with this chance in 1,000.
    Scattered(u64),
    /// Runs of so many, as long again apart.
    Runs(u64),
}

/// What is kept of pairs takes at most four bytes each, with sixteen for the numbers in each row, before first-seen times; and
/// those at most three where events came one after the other.
async fn o3_3_a_pair_takes_at_most_four_bytes(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let records = &ground.records;
    let shapes = [
        (Shape::Scattered(900), 1_u64),
        (Shape::Scattered(300), 1),
        (Shape::Scattered(20), 2),
        (Shape::Scattered(1), 8),
        (Shape::Runs(400), 1),
    ];
    for (shape, chunks) in shapes {
        for live_per_mille in [0, 300, 1_000] {
            empty(records).await;
            let is_held = |number: u64| match shape {
                Shape::Scattered(chance) => mixed(number) % 1_000 < chance,
                Shape::Runs(length) => (number / length).is_multiple_of(2),
            };
            let numbers = (1..chunks << 16).filter(|number| is_held(*number));
            let pairs: Vec<Pair> = numbers
                .map(|number| Pair {
                    number,
                    relay: RelayId(7),
                    seen_ms: 1_700_000_000_000 + number * 20 + mixed(number) % 50,
                    created_ms: 1_700_000_000_000,
                    how: if mixed(number + 1) % 1_000 < live_per_mille {
                        How::Live
                    } else {
                        How::Fetched
                    },
                })
                .collect();
            let count = pairs.len() as i64;
            let credited = records.write(move |tx| credit(tx, &pairs)).await;
            assert_eq!(credited, Ok(count as u64));
            let (bytes,): (i64,) = records
                .fetch_one(
                    "SELECT CAST(SUM(LENGTH(here) + COALESCE(LENGTH(live), 0) + 16) AS BIGINT) FROM observatory_holdings",
                    (),
                )
                .await
                .unwrap();
            let what = format!("{shape:?}, {live_per_mille} live: {bytes} bytes for {count} pairs");
            assert!(bytes <= 4 * count, "{what}");
            let (times,): (i64,) = records
                .fetch_one(
                    "SELECT CAST(SUM(LENGTH(times)) AS BIGINT) FROM observatory_seen",
                    (),
                )
                .await
                .unwrap();
            let apart = matches!(shape, Shape::Scattered(..=1));
            assert!(apart || times <= 3 * count, "{what}, {times} for times");
        }
    }
}

/// Spreads numbers evenly.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

both_engines!(o3_3_a_pair_takes_at_most_four_bytes);
