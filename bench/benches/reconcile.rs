//! What reconciling a million events costs (NIP-77): gathering them from the embedded engine, and one round over them.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use negentropy::{Negentropy, NegentropyStorageBase};
use stentor_event::{Event, Filter, Timestamp, Viewer};
use stentor_store::embedded::{Options, Store};
use stentor_store::reconcile::{Gathering, Session, Snapshot};
use stentor_store::{Direction, EventStore, OutlineQuery, Submission};

const EVENTS: u64 = 1_000_000;
const FIRST: u64 = 1_700_000_000;
/// Rows in a slice, as the relay has it.
const SLICE: u64 = 4_096;

/// An event that nobody has signed, of about the usual size. Times go up and down a little, as they do in life.
fn event(number: u64) -> Option<Event> {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let json = format!(
        r#"{{"id":"{mixed:016x}{number:048x}","pubkey":"{:064x}","created_at":{},"kind":{},"tags":[["e","{:064x}"]],"content":"{}","sig":"{}"}}"#,
        mixed >> 50,
        FIRST + number / 4 + mixed % 600,
        if number.is_multiple_of(2) {
            1
        } else {
            6 + number / 2 % 2
        },
        mixed >> 40,
        "words ".repeat((mixed >> 59) as usize),
        "cd".repeat(64),
    );
    Event::from_canonical(json.into()).ok()
}

async fn fill(store: &Store) -> Option<()> {
    let mut number = 0;
    while number < EVENTS {
        let part = number..(number + 5_000).min(EVENTS);
        number = part.end;
        let submission = |event| Submission {
            event,
            verified: true,
        };
        let batch = part.filter_map(event).map(submission).collect();
        store.submit(batch, Timestamp(FIRST)).await.ok()?;
    }
    store.flush().ok()
}

fn query(filter: &str) -> OutlineQuery {
    OutlineQuery {
        filter: Filter::parse(filter.as_bytes()).unwrap_or_default(),
        now: Timestamp(FIRST),
        direction: Direction::NewestFirst,
        rows: 0,
    }
}

/// The set of a filter, and the time of the slowest slice.
async fn gather(store: &Store, filter: &str) -> (Snapshot, Duration) {
    let viewer = Viewer::anonymous(Default::default());
    let mut gathering = Gathering::new(store, query(filter), 0);
    let mut slowest = Duration::ZERO;
    loop {
        let begun = std::time::Instant::now();
        let step = gathering.slice(&viewer, SLICE).await;
        slowest = slowest.max(begun.elapsed());
        if step.is_ok_and(|step| !step.end) {
            continue;
        }
        return (gathering.finish(), slowest);
    }
}

fn benches(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (Ok(runtime), Ok(folder)) = (runtime, tempfile::tempdir()) else {
        return;
    };
    let Ok(store) = Store::open(folder.path(), Options::default()) else {
        return;
    };
    if runtime.block_on(fill(&store)).is_none() {
        return;
    }
    let mut group = c.benchmark_group("reconcile");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(EVENTS));
    for filter in ["{}", r#"{"kinds":[1,6,7]}"#] {
        let (set, slowest) = runtime.block_on(gather(&store, filter));
        println!("{filter}: {} events, slowest slice {slowest:?}", set.len());
        group.bench_function(format!("gather {filter}"), |b| {
            b.iter(|| runtime.block_on(gather(&store, filter)))
        });
    }
    let (ours, _) = runtime.block_on(gather(&store, "{}"));
    let (theirs, _) = runtime.block_on(gather(&store, "{}"));
    let Ok(session) = Session::new(theirs, 60_000) else {
        return;
    };
    let first = Negentropy::borrowed(&ours, 0).and_then(|mut own| own.initiate());
    let first = first.unwrap_or_default();
    group.bench_function("answer the first message of an equal set", |b| {
        b.iter(|| black_box(session.answer(&first)))
    });
    let nothing = Snapshot::default();
    let first = Negentropy::borrowed(&nothing, 0).and_then(|mut own| own.initiate());
    let first = first.unwrap_or_default();
    group.bench_function("answer an empty set", |b| {
        b.iter(|| black_box(session.answer(&first)))
    });
    black_box(ours.size().ok());
    group.finish();
}

criterion_group!(reconcile, benches);
criterion_main!(reconcile);
