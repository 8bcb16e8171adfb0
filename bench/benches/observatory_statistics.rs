//! What it costs the observatory to keep account: of who holds what (O3.3), and of what the archive has (O4.1).
//!
//! `cargo bench -p stentor-bench --bench observatory_statistics`. Times are those of the processor, over all threads of the process, so that neither the
//! disk nor other programs count. Records are in SQLite below the system's folder for temporary files (`TMPDIR`).

// What fails here ends the benchmark.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use stentor_bench::World;
use stentor_event::{Timestamp, Viewer};
use stentor_observatory::measure::{Pairs, Records};
use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, Seq, Submission};
use tokio::runtime::Runtime;

/// Pairs of a settlement.
const PAIRS: u64 = 500;
/// Settlements that are committed together.
const GROUPS: u64 = 20;
/// Changes of a batch.
const CHANGES: usize = 2_000;

/// What the processor has worked for this process.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The relay that gives settlement `number` its pairs, and which: `dense` ones follow each other, `of_ten` are every tenth event, as a relay
/// that holds a tenth of the archive has them, `scattered` ones lie in a chunk each.
fn pairs(name: &str, number: u64) -> Pairs {
    let (relay, step) = match name {
        "dense" | "live" | "known" => (1, 1),
        "of_ten" => (number as i64 % 10 + 1, 10),
        _ => (1, 70_000),
    };
    let place = match name {
        "of_ten" => number / 10,
        _ => number,
    };
    let first = match name {
        "scattered" => 1 + number * 7,
        _ => 1 + place * PAIRS * step,
    };
    Pairs {
        relay,
        first,
        step,
        count: PAIRS,
        live: name == "live",
    }
}

fn credit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("credit");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(PAIRS));
    for name in ["dense", "live", "of_ten", "scattered", "known"] {
        let folder = tempfile::tempdir().unwrap();
        let records = runtime.block_on(Records::open(folder.path())).unwrap();
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut took = Duration::ZERO;
                for round in 0..iterations.div_ceil(GROUPS) {
                    let count = GROUPS.min(iterations - round * GROUPS);
                    // What is known is offered again and again.
                    let first = if name == "known" { 0 } else { next };
                    let groups = (first..first + count).map(|number| pairs(name, number));
                    let groups: Vec<Pairs> = groups.collect();
                    next += count;
                    let start = worked();
                    runtime.block_on(records.credit(&groups)).unwrap();
                    took += worked() - start;
                }
                took
            });
        });
    }
    group.finish();
}

fn count(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), Options::default()).unwrap();
    let store: Arc<dyn EventStore> = Arc::new(store);
    let changes = runtime.block_on(async {
        let submissions = World::new(200).events(5 * CHANGES).into_iter();
        let submissions = submissions.map(|event| Submission {
            event,
            verified: true,
        });
        let now = Timestamp(1_700_000_000);
        store.submit(submissions.collect(), now).await.unwrap();
        let viewer = Viewer::operator();
        let all = store.changes(Seq(0), 5 * CHANGES, &viewer, Timestamp(0));
        all.await.unwrap()
    });
    let mut group = criterion.benchmark_group("count");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(changes.len() as u64));
    group.bench_function("changes", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut took = Duration::ZERO;
            for _ in 0..iterations {
                let folder = tempfile::tempdir().unwrap();
                let records = runtime.block_on(Records::open(folder.path())).unwrap();
                let start = worked();
                let mut after = 0;
                for batch in changes.chunks(CHANGES) {
                    runtime.block_on(records.count(after, batch)).unwrap();
                    after = batch.last().unwrap().seq.0;
                }
                took += worked() - start;
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, credit, count);
criterion_main!(benches);
