//! What storing and finding costs in the embedded engine, without verification of signatures.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use stentor_bench::{END, World};
use stentor_event::{Event, Filter, Timestamp, Viewer};
use stentor_store::embedded::{Options, Store};
use stentor_store::{Budget, EventStore, Query, ScanLimits, Submission};

const NOW: Timestamp = Timestamp(END);

fn submissions(events: &[Event]) -> Vec<Submission> {
    events
        .iter()
        .map(|event| Submission {
            event: event.clone(),
            verified: true,
        })
        .collect()
}

fn benches(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (Ok(runtime), Ok(folder)) = (runtime, tempfile::tempdir()) else {
        return;
    };
    let mut world = World::new(200);
    let events = world.events(50_000);
    insert(c, &runtime, &events);
    let Ok(store) = Store::open(folder.path(), Options::default()) else {
        return;
    };
    for part in events.chunks(1_000) {
        if runtime
            .block_on(store.submit(submissions(part), NOW))
            .is_err()
        {
            return;
        }
    }
    queries(c, &runtime, &store, &world, &events);
}

fn insert(c: &mut Criterion, runtime: &tokio::runtime::Runtime, events: &[Event]) {
    let mut group = c.benchmark_group("insert");
    group.sample_size(10);
    for size in [1usize, 100, 10_000] {
        let part = events.get(..size).unwrap_or_default();
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("durably, {size} together"), |b| {
            b.iter_batched(
                || {
                    tempfile::tempdir()
                        .ok()
                        .and_then(|f| Some((Store::open(f.path(), Options::default()).ok()?, f)))
                },
                |opened| {
                    if let Some((store, _)) = &opened {
                        let _ = runtime.block_on(store.submit(submissions(part), NOW));
                    }
                    opened
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn queries(
    c: &mut Criterion,
    runtime: &tokio::runtime::Runtime,
    store: &Store,
    world: &World,
    events: &[Event],
) {
    let keys: Vec<String> = world
        .authors()
        .iter()
        .map(|key| key.public_key().to_string())
        .collect();
    let id = events
        .get(events.len() / 2)
        .map(|event| event.id().to_string())
        .unwrap_or_default();
    let one = keys.first().cloned().unwrap_or_default();
    let all = keys.join("\",\"");
    let shapes = [
        ("one id", format!(r#"{{"ids":["{id}"]}}"#)),
        (
            "newest of one author",
            format!(r#"{{"authors":["{one}"],"kinds":[1],"limit":50}}"#),
        ),
        (
            "newest of 200 authors",
            format!(r#"{{"authors":["{all}"],"kinds":[1,6],"limit":100}}"#),
        ),
        (
            "answers to a note",
            format!(r##"{{"#e":["{id}"],"kinds":[1,7],"limit":250}}"##),
        ),
        (
            "mentions of a key",
            format!(r##"{{"#p":["{one}"],"kinds":[1,7],"limit":200}}"##),
        ),
        (
            "newest of a kind",
            r#"{"kinds":[1],"limit":100}"#.to_owned(),
        ),
        (
            "a time window",
            format!(
                r#"{{"since":{},"until":{},"limit":200}}"#,
                END - 9_000,
                END - 8_900
            ),
        ),
        ("nothing", r##"{"#e":["00"],"kinds":[1]}"##.to_owned()),
    ];
    let viewer = Viewer::operator();
    let mut group = c.benchmark_group("query");
    for (name, text) in shapes {
        let Ok(filter) = Filter::parse(text.as_bytes()) else {
            continue;
        };
        let query = Query {
            filters: Arc::from([filter]),
            now: NOW,
            before: None,
            limits: ScanLimits { cap: 500, rows: 0 },
        };
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(answer(store, &query, &viewer)))
        });
    }
    group.finish();
}

async fn answer(store: &Store, query: &Query, viewer: &Viewer) -> usize {
    let mut scan = store.scan(query.clone());
    let mut count = 0;
    let budget = Budget {
        events: 64,
        bytes: 256 << 10,
        rows: 4_096,
    };
    while let Ok(batch) = scan.next(viewer, budget).await {
        count += batch.events.len();
        if batch.end.is_some() {
            break;
        }
    }
    count
}

criterion_group!(store, benches);
criterion_main!(store);
