//! That plans adapt to what the rows are like. That answers are right is shown against a model in `tests/model`.

use std::sync::Arc;

use bytes::Bytes;
use stentor_event::{Event, Filter, Timestamp, Viewer};

use crate::embedded::{Options, Store};
use crate::{Budget, EventStore, FilterPlan, Outcome, Query, ScanLimits, StoredEvent, Submission};

const NOW: Timestamp = Timestamp(1_000_000);
const AUTHORS: u64 = 300;

/// A note that nobody has signed. Authors from [`AUTHORS`] on are not asked for.
fn note(number: u64, author: u64) -> Event {
    let json = format!(
        r#"{{"id":"{:016x}{:048x}","pubkey":"{}","created_at":{number},"kind":1,"tags":[],"content":"","sig":"{}"}}"#,
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        0,
        pubkey(author),
        "cd".repeat(64),
    );
    Event::from_canonical(Bytes::from(json)).unwrap()
}

fn pubkey(author: u64) -> String {
    format!(
        "{:016x}{author:048x}",
        author.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    )
}

async fn store(events: &[Event]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    for part in events.chunks(2_000) {
        let submission = |event: &Event| Submission {
            event: event.clone(),
            verified: true,
        };
        let batch = part.iter().map(submission).collect();
        let outcomes = store.submit(batch, NOW).await.unwrap();
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Stored(_))));
    }
    (folder, store)
}

/// What the first authors' notes are, in slices of a few rows, and how they were found.
async fn followed(store: &Store, limit: u64) -> (Vec<StoredEvent>, FilterPlan) {
    let authors: Vec<String> = (0..AUTHORS)
        .map(|author| format!("\"{}\"", pubkey(author)))
        .collect();
    let filter = format!(
        r#"{{"authors":[{}],"kinds":[1],"limit":{limit}}}"#,
        authors.join(",")
    );
    let mut scan = store.scan(Query {
        filters: Arc::from([Filter::parse(filter.as_bytes()).unwrap()]),
        now: NOW,
        before: None,
        limits: ScanLimits { cap: 0, rows: 0 },
    });
    let budget = Budget {
        events: 100,
        bytes: 1 << 20,
        rows: 37,
    };
    let mut events = Vec::new();
    loop {
        let batch = scan.next(&Viewer::operator(), budget).await.unwrap();
        events.extend(batch.events);
        if batch.end.is_some() {
            return (events, scan.explain().filters.remove(0));
        }
    }
}

/// Notes of those followed at these places, of others everywhere else.
fn notes(count: u64, followed: impl Fn(u64) -> bool) -> Vec<Event> {
    let author = |n| {
        if followed(n) {
            n % AUTHORS
        } else {
            AUTHORS + n % 500
        }
    };
    (1..=count).map(|n| note(n, author(n))).collect()
}

#[tokio::test]
async fn a_walk_that_meets_few_matches_turns_to_the_authors() {
    let (count, newest) = (20_000, 19_700);
    let of_followed = |n| n > newest || n % 400 == 0;
    let (_folder, store) = store(&notes(count, of_followed)).await;
    let (found, plan) = followed(&store, 330).await;
    let expected: Vec<u64> = (1..=count)
        .rev()
        .filter(|n| of_followed(*n))
        .take(330)
        .collect();
    let numbers: Vec<u64> = found.iter().map(|found| found.number.0).collect();
    assert_eq!(numbers, expected);
    assert!(plan.reason.contains("; after"), "{plan:?}");
    assert!(plan.rows < 5_000, "{plan:?}");
}

#[tokio::test]
async fn a_walk_that_meets_enough_goes_on() {
    let (_folder, store) = store(&notes(20_000, |n| n % 2 == 0)).await;
    let (found, plan) = followed(&store, 400).await;
    assert_eq!(found.len(), 400);
    assert_eq!((plan.index.as_str(), plan.rows), ("kind", 801), "{plan:?}");
}

#[tokio::test]
async fn few_entries_are_not_walked_to() {
    let (_folder, store) = store(&notes(20_000, |n| n % 1_000 == 0)).await;
    let (found, plan) = followed(&store, 400).await;
    assert_eq!(found.len(), 20);
    assert_eq!(
        (plan.index.as_str(), plan.rows),
        ("author+kind", 20),
        "{plan:?}"
    );
}
