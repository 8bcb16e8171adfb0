//! Many submitters at once: whatever order the engine puts their events in, submitting them to the model in that order one by
//! one must lead to the same store. Counts that are asked for meanwhile must not lose their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use stentor_event::{Event, EventId, Filter, Kind, TagFilter, Timestamp, Viewer};
use stentor_store::{ChangeKind, EventNumber, EventStore, Keep, Outcome, Query, Seq, Submission};

use crate::common::Factory;
use crate::common::engine::Memory;
use crate::common::make::{Alice, Bob};
use crate::common::observer::Witness;
use crate::common::subject::NO_LIMITS;
use crate::compare::Verdict;
use crate::operations::{Sending, batch, submissions};
use crate::world::{BEGIN, KINDS, World};

/// Batches to be submitted at the same time.
pub fn batches() -> impl Strategy<Value = Vec<Vec<Sending>>> {
    vec(batch(1..10), 4..20)
}

/// Submits them, each from a task of its own.
async fn submit_all(
    store: Arc<dyn EventStore>,
    world: &World,
    batches: &[Vec<Sending>],
) -> Vec<(EventId, Outcome)> {
    let tasks: Vec<_> = batches
        .iter()
        .map(|batch| {
            let (store, batch) = (Arc::clone(&store), submissions(world, batch));
            let ids: Vec<EventId> = batch
                .iter()
                .map(|submission| submission.event.id())
                .collect();
            tokio::spawn(async move {
                let outcomes = store.submit(batch, Timestamp(BEGIN)).await.unwrap();
                ids.into_iter().zip(outcomes).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.extend(task.await.unwrap());
    }
    outcomes
}

/// Queries whose counts are kept up to date.
fn counted() -> Vec<Query> {
    let query = |filter| Query {
        filters: [filter].into(),
        now: Timestamp(BEGIN),
        before: None,
        limits: NO_LIMITS,
    };
    let kinds = KINDS.map(|kind| Filter {
        kinds: Some(vec![Kind(kind)]),
        ..Filter::default()
    });
    let of_people = kinds.iter().map(|filter| Filter {
        authors: Some(vec![Alice.key()]),
        ..filter.clone()
    });
    let for_people = kinds.iter().map(|filter| {
        let tags = vec![TagFilter::new(b'p', [Bob.hex().into_bytes()])];
        Filter {
            tags,
            ..filter.clone()
        }
    });
    kinds
        .iter()
        .cloned()
        .chain(of_people)
        .chain(for_people)
        .map(query)
        .collect()
}

/// Counts again and again until it is told to stop.
async fn keep_counting(store: Arc<dyn EventStore>, stop: Arc<AtomicBool>) {
    let viewer = Viewer::operator();
    while !stop.load(Ordering::Relaxed) {
        for query in counted() {
            store.count(&query, &viewer).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
}

type Entry = (Seq, EventNumber, ChangeKind);

async fn feed(store: &Arc<dyn EventStore>) -> Vec<Entry> {
    let changes = store
        .changes(Seq(0), usize::MAX, &Viewer::operator(), Timestamp(BEGIN))
        .await
        .unwrap();
    changes
        .iter()
        .map(|change| (change.seq, change.number, change.kind))
        .collect()
}

/// Whether the engine's order explains what it said.
pub fn check(world: &World, batches: &[Vec<Sending>], engine: &dyn Factory) -> Verdict {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = engine.create(Keep::Current);
        let witness = Witness::new();
        engine.store().observe(witness.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let counting = tokio::spawn(keep_counting(engine.store(), Arc::clone(&stop)));
        let outcomes = submit_all(engine.store(), world, batches).await;
        stop.store(true, Ordering::Relaxed);
        counting.await.unwrap();
        let told = witness.take();
        let stored: Vec<(EventNumber, EventId)> = told
            .iter()
            .filter_map(|(number, id)| Some(((*number)?, *id)))
            .collect();
        // The observer heard of all that was stored, in the order of the numbers, and the submitters too.
        prop_assert!(
            stored
                .iter()
                .enumerate()
                .all(|(index, (number, _))| number.0 == index as u64 + 1)
        );
        for (id, outcome) in &outcomes {
            if let Outcome::Stored(number) = outcome {
                prop_assert!(stored.contains(&(*number, *id)));
            }
        }
        let acknowledged = outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Stored(_)))
            .count();
        prop_assert_eq!(acknowledged, stored.len());
        let model = Memory.create(Keep::Current);
        for (number, id) in &stored {
            let event: &Event = world.events.iter().find(|event| event.id() == *id).unwrap();
            let submission = Submission {
                event: event.clone(),
                verified: true,
            };
            let outcome = model
                .store()
                .submit(vec![submission], Timestamp(BEGIN))
                .await
                .unwrap();
            prop_assert_eq!(outcome, [Outcome::Stored(*number)]);
        }
        prop_assert_eq!(feed(&model.store()).await, feed(&engine.store()).await);
        for query in counted() {
            let viewer = Viewer::operator();
            let expected = model.store().count(&query, &viewer).await.unwrap();
            prop_assert_eq!(
                engine.store().count(&query, &viewer).await.unwrap(),
                expected,
                "{:?}",
                query.filters
            );
        }
        Ok(())
    })
}
