use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use stentor_event::{Event, EventBuilder, Kind, Timestamp};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::{Outcome, Seq, Submission};

use super::answer::{self, RelayCountSort, RelayCountsQuery};
use super::period::{ABSURD, Period};
use super::service::{counted, run};
use crate::ground::Ground;
use crate::provenance::{How, Pair, credit, holders};
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, cursor, mention};
use crate::testing::key;

const DAY: u64 = 86_400;

fn event(author: u8, kind: u16, created_at: u64) -> Event {
    EventBuilder::new(Kind(kind), Timestamp(created_at)).sign(&key(author))
}

fn list(author: u8, created_at: u64, tags: &[&[&str]]) -> Event {
    let list = EventBuilder::new(Kind::RELAY_LIST, Timestamp(created_at));
    let list = tags
        .iter()
        .fold(list, |list, tag| list.tag(tag.iter().copied()));
    list.sign(&key(author))
}

/// Puts events into the archive and returns their numbers.
async fn put(ground: &Ground, events: &[Event]) -> Vec<u64> {
    let batch = events.iter().map(|event| Submission {
        event: event.clone(),
        verified: true,
    });
    let outcomes = ground
        .archive
        .submit(batch.collect(), ground.clock.now())
        .await
        .unwrap();
    let number = |outcome| match outcome {
        Outcome::Stored(number) => number.0,
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(number).collect()
}

async fn remove(ground: &Ground, events: &[Event]) {
    let ids: Vec<_> = events.iter().map(Event::id).collect();
    ground.archive.remove(&ids).await.unwrap();
}

/// Counts all that there is.
pub(crate) async fn count(ground: &Ground) {
    let mut place = Seq(cursor(&ground.records, "statistics").await.unwrap().place);
    while place < ground.archive.last_seq() {
        place = counted(ground, place, 2_000).await.unwrap();
    }
}

/// Counts all that there is in small batches, and is killed again and again: the work is dropped at one await later each time.
async fn count_under_kills(ground: &Ground) {
    let mut polls = 1;
    loop {
        let place = Seq(cursor(&ground.records, "statistics").await.unwrap().place);
        if place >= ground.archive.last_seq() {
            return;
        }
        let mut work = pin!(counted(ground, place, 7));
        for _ in 0..polls {
            if let Poll::Ready(done) = poll!(&mut work) {
                done.unwrap();
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        polls = polls % 40 + 1;
    }
}

/// What is counted, made anew from all events that ever came and those that left.
async fn check(ground: &Ground, came: &[Event], left: &[Event]) {
    let gone: BTreeSet<_> = left.iter().map(Event::id).collect();
    let now_ms = ground.clock.now_ms();
    let mut kinds: BTreeMap<(i64, u16), (u64, u64)> = BTreeMap::new();
    let mut authors: BTreeMap<[u8; 32], (i64, i64)> = BTreeMap::new();
    let mut active: BTreeMap<(Period, i64), BTreeSet<[u8; 32]>> = BTreeMap::new();
    for event in came {
        let (day, author) = (
            super::period::day(event.created_at().0, now_ms),
            event.pubkey().0,
        );
        let is_there = !gone.contains(&event.id());
        if is_there {
            let kind = kinds.entry((day, event.kind().0)).or_default();
            *kind = (kind.0 + 1, kind.1 + event.json().len() as u64);
        }
        if event.kind() == Kind::GIFT_WRAP {
            continue;
        }
        let (events, first) = authors.entry(author).or_insert((0, ABSURD));
        *events += i64::from(is_there);
        if day != ABSURD {
            *first = if *first == ABSURD {
                day
            } else {
                day.min(*first)
            };
            for period in Period::ALL {
                active
                    .entry((period, period.start(day)))
                    .or_default()
                    .insert(author);
            }
        }
    }
    let records = &ground.records;
    let found = answer::kinds(records, ABSURD, i64::MAX, &[], None, 1_000)
        .await
        .unwrap();
    let found = found
        .iter()
        .map(|row| ((row.day, row.kind), (row.events, row.bytes)));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), kinds);
    let found: Vec<([u8; 32], i64, i64)> = records
        .fetch_all(
            "SELECT pubkey, events, first_day FROM observatory_authors",
            (),
        )
        .await
        .unwrap();
    let found = found
        .into_iter()
        .map(|(author, events, first)| (author, (events, first)));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), authors);
    let mut new: BTreeMap<i64, u64> = BTreeMap::new();
    for (_, first) in authors.values().filter(|(_, first)| *first != ABSURD) {
        *new.entry(*first).or_default() += 1;
    }
    let found = answer::new_authors(records, 0, i64::MAX, 1_000)
        .await
        .unwrap();
    let found = found.iter().map(|row| (row.day, row.authors));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), new);
    for period in Period::ALL {
        let found = answer::active_authors(records, period, 0, i64::MAX, 1_000)
            .await
            .unwrap();
        let found: Vec<_> = found.iter().map(|row| (row.start, row.authors)).collect();
        let expected = active.iter().filter(|((one, _), _)| *one == period);
        let expected: Vec<_> = expected
            .map(|((_, start), authors)| (*start, authors.len() as u64))
            .collect();
        assert_eq!(found, expected, "{period:?}");
    }
    let totals = answer::totals(records).await.unwrap();
    assert_eq!(totals.events, (came.len() - left.len()) as u64);
    assert_eq!(totals.authors, authors.len() as u64);
}

/// Events of a few authors and kinds over some months, some of which cannot be true.
fn some_events(now: u64) -> Vec<Event> {
    let mut events = Vec::new();
    for number in 0..60_u64 {
        let (author, kind) = (
            (number % 7) as u8 + 1,
            [1, 7, 30_023, 1_059][number as usize % 4],
        );
        let created_at = match number % 15 {
            13 => 1_000 + number,
            14 => now + 3 * DAY + number,
            _ => now - number * number * 10_000,
        };
        events.push(event(author, kind, created_at));
    }
    events
}

async fn o4_1_every_event_is_counted_exactly_once_whenever_the_process_ends(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let events = some_events(ground.clock.now().0);
    put(&ground, &events).await;
    count_under_kills(&ground).await;
    check(&ground, &events, &[]).await;
    let left: Vec<Event> = events.iter().step_by(3).cloned().collect();
    remove(&ground, &left).await;
    count_under_kills(&ground).await;
    check(&ground, &events, &left).await;
}

async fn o4_1_what_leaves_before_it_is_counted_never_counts(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let now = ground.clock.now().0;
    let (stays, goes) = (event(1, 1, now), event(2, 1, now - DAY));
    put(&ground, &[goes.clone(), stays.clone()]).await;
    remove(&ground, &[goes]).await;
    count(&ground).await;
    check(&ground, &[stays], &[]).await;
}

async fn o4_1_an_event_that_leaves_is_forgotten_by_its_holders(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let now = ground.clock.now().0;
    let events = [event(1, 1, now), event(1, 1, now - 1)];
    let numbers = put(&ground, &events).await;
    let relay = relay(&ground, "wss://a.example/", "online", Some(0)).await;
    let pairs: Vec<Pair> = numbers.iter().map(|number| pair(*number, relay)).collect();
    let again = pairs.clone();
    ground
        .records
        .write(move |tx| credit(tx, &pairs))
        .await
        .unwrap();
    remove(&ground, &events[..1]).await;
    count(&ground).await;
    assert_eq!(holders(&ground.records, numbers[0]).await, Ok(vec![]));
    assert_eq!(holders(&ground.records, numbers[1]).await.unwrap().len(), 1);
    // Credited too late.
    assert_eq!(
        ground.records.write(move |tx| credit(tx, &again)).await,
        Ok(0)
    );
    let query = RelayCountsQuery {
        sort: RelayCountSort::Exclusive,
        after: None,
        limit: 10,
    };
    let counts = answer::relay_counts(&ground.records, &query).await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].events, counts[0].exclusive), (1, 1));
    let query = RelayCountsQuery {
        after: Some((counts[0].exclusive, counts[0].relay)),
        ..query
    };
    assert_eq!(
        answer::relay_counts(&ground.records, &query).await,
        Ok(vec![])
    );
}

fn pair(number: u64, relay: RelayId) -> Pair {
    Pair {
        number,
        relay,
        seen_ms: 1,
        created_ms: 1,
        how: How::Fetched,
    }
}

/// A relay in the records.
async fn relay(ground: &Ground, url: &str, status: &'static str, since_ms: Option<u64>) -> RelayId {
    let url = RelayUrl::parse(url).unwrap();
    let done: Result<_, stentor_sql::Error> = ground
        .records
        .write(move |tx| {
            let (id, _) = mention(tx, &url, "test", None, 1)?;
            tx.execute(
                "UPDATE observatory_relays SET state = 'relay', status = ?, status_since_ms = ? WHERE id = ?",
                (status, since_ms.map(crate::clock::stored), id.0),
            )?;
            Ok(id)
        })
        .await;
    done.unwrap()
}

async fn o4_1_entries_of_relay_lists_that_lead_nowhere_are_told(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let (now, now_ms) = (ground.clock.now().0, ground.clock.now_ms());
    relay(&ground, "wss://up.example/", "online", Some(0)).await;
    relay(
        &ground,
        "wss://gone.example/",
        "offline",
        Some(now_ms - 8 * DAY * 1_000),
    )
    .await;
    relay(
        &ground,
        "wss://nap.example/",
        "offline",
        Some(now_ms - DAY * 1_000),
    )
    .await;
    let (up, gone, nap) = (
        ["r", "wss://up.example"],
        ["r", "wss://gone.example"],
        ["r", "wss://nap.example"],
    );
    let never = ["r", "wss://never.example", "write"];
    let older = list(1, now - 20, &[&gone, &never]);
    let newer = list(1, now - 10, &[&up, &gone, &nap, &["r", "not a url"]]);
    let other = list(2, now - 30, &[&gone, &never]);
    put(&ground, &[newer.clone(), older.clone(), other]).await;
    count(&ground).await;
    let dead = |later: u64| answer::dead_entries(&ground.records, now_ms + later, None, 10);
    let tried = async |failures: i64, reason: &'static str| {
        let url = RelayUrl::parse("wss://never.example/").unwrap();
        let write = ground.records.write(move |tx| {
            let (id, _) = mention(tx, &url, "test", None, 1)?;
            tx.execute(
                "UPDATE observatory_relays SET failures = ?, reason = ? WHERE id = ?",
                (failures, Some(reason).filter(|_| failures > 0), id.0),
            )?;
            Ok::<_, stentor_sql::Error>(())
        });
        write.await.unwrap();
    };
    let found = dead(0).await.unwrap();
    assert_eq!((found.entries, found.dead, found.untested), (5, 2, 1));
    assert_eq!(found.urls[0].url, "wss://gone.example/");
    assert!(found.urls[0].was_relay && found.urls[0].entries == 2);
    // What was never tried is not dead, however long it has been named: not known, not tried yet, or without a way to it.
    for known in [
        None,
        Some((0, "dns")),
        Some((9, "no_proxy")),
        Some((9, "proxy")),
        Some((9, "full")),
    ] {
        if let Some((failures, reason)) = known {
            tried(failures, reason).await;
        }
        let found = dead(10 * DAY * 1_000).await.unwrap();
        assert_eq!((found.dead, found.untested), (3, 1), "{known:?}");
    }
    tried(1, "dns").await;
    // A URL that has only just been named may still become a relay.
    let found = dead(0).await.unwrap();
    assert_eq!((found.dead, found.untested), (2, 0));
    let found = dead(10 * DAY * 1_000).await.unwrap();
    assert_eq!((found.entries, found.dead, found.untested), (5, 4, 0));
    assert!((found.share - 0.8).abs() < 1e-9);
    let never = found
        .urls
        .iter()
        .find(|entry| entry.url == "wss://never.example/");
    assert!(never.is_some_and(|entry| !entry.was_relay && entry.offline_since_ms.is_none()));
    // The newest list leaves: the one before it counts again.
    remove(&ground, &[newer]).await;
    count(&ground).await;
    let found = dead(0).await.unwrap();
    assert_eq!((found.entries, found.dead), (4, 2));
    remove(&ground, &[older]).await;
    count(&ground).await;
    assert_eq!(dead(0).await.unwrap().entries, 2);
    let (urls,): (i64,) = ground
        .records
        .fetch_one("SELECT COUNT(*) FROM observatory_list_urls", ())
        .await
        .unwrap();
    assert_eq!(urls, 2, "what no list names is not kept");
}

async fn o4_1_software_nips_latency_and_coverage_are_told_by_relay(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let one = relay(&ground, "wss://a.example/", "online", Some(0)).await;
    let other = relay(&ground, "wss://b.example/", "offline", Some(0)).await;
    let pairs: Vec<Pair> = (1..=100)
        .map(|number| Pair {
            seen_ms: 10_000 + number * 10,
            created_ms: 10_000,
            how: How::Live,
            ..pair(number, one)
        })
        .collect();
    let done: Result<(), stentor_sql::Error> = ground
        .records
        .write(move |tx| {
            credit(tx, &pairs)?;
            tx.execute("UPDATE observatory_relays SET software = 'x', version = '1'", ())?;
            for (relay, nip) in [(one, 1), (one, 77), (other, 1)] {
                tx.execute("INSERT INTO observatory_nips (relay, nip) VALUES (?, ?)", (relay.0, nip))?;
            }
            for (since, until, state) in [(0, 9, "complete"), (10, 14, "capped"), (20, 20, "complete")] {
                tx.execute(
                    "INSERT INTO observatory_coverage (relay, filter, since, until, state, events, at_ms) VALUES (?, 1, ?, ?, ?, 0, 0)",
                    (other.0, since, until, state),
                )?;
            }
            Ok(())
        })
        .await;
    done.unwrap();
    let records = &ground.records;
    let software = answer::software(records, 10).await.unwrap();
    assert_eq!((software.relays, software.software.len()), (1, 1));
    let nips = answer::nips(records, 10).await.unwrap();
    assert_eq!(
        nips.nips.iter().map(|nip| nip.nip).collect::<Vec<_>>(),
        [1, 77]
    );
    let latency = answer::latencies(records, i64::MIN, 10).await.unwrap();
    assert_eq!((latency.len(), latency[0].events), (1, 100));
    assert!(latency[0].p50_ms.unwrap().abs_diff(500) <= 32);
    assert!(latency[0].p95_ms.unwrap().abs_diff(950) <= 60);
    let coverage = answer::coverage(records, None, i64::MIN, 10).await.unwrap();
    assert_eq!(coverage.len(), 1);
    assert_eq!(
        (coverage[0].complete_seconds, coverage[0].capped_seconds),
        (11, 5)
    );
    assert_eq!(
        answer::coverage(records, None, other.0, 10).await,
        Ok(vec![])
    );
    let copies = answer::replication(records, 0, 10).await.unwrap();
    assert_eq!((copies[0].copies, copies[0].events), (1, 100));
}

async fn o4_1_the_service_follows_what_comes(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let service = tokio::spawn(run(ground.clone()));
    let events = some_events(ground.clock.now().0);
    put(&ground, &events[..30]).await;
    follow(&ground).await;
    put(&ground, &events[30..]).await;
    follow(&ground).await;
    check(&ground, &events, &[]).await;
    service.abort();
}

/// Waits until the service has come to the end of the feed, which it tells nobody but the records.
async fn follow(ground: &Arc<Ground>) {
    let wait = async {
        while cursor(&ground.records, "statistics").await.unwrap().place
            < ground.archive.last_seq().0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .unwrap();
}

async fn o4_1_another_archive_is_not_counted_over_the_records_of_this(house: House) {
    let ground = crate::testing::ground(&house, crate::Config::default()).await;
    let ahead = crate::table::Cursor {
        place: 5,
        note: None,
    };
    let set = move |tx: &mut stentor_sql::Transaction<'_>| {
        crate::table::set_cursor(tx, "statistics", &ahead, 0)
    };
    ground.records.write(set).await.unwrap();
    assert!(matches!(run(ground).await, Err(crate::Error::Invalid(_))));
}

both_engines!(
    o4_1_every_event_is_counted_exactly_once_whenever_the_process_ends,
    o4_1_what_leaves_before_it_is_counted_never_counts,
    o4_1_an_event_that_leaves_is_forgotten_by_its_holders,
    o4_1_entries_of_relay_lists_that_lead_nowhere_are_told,
    o4_1_software_nips_latency_and_coverage_are_told_by_relay,
    o4_1_the_service_follows_what_comes,
    o4_1_another_archive_is_not_counted_over_the_records_of_this,
);
