//! The embedded engine against the naive model, on random small worlds.
//!
//! A world is a handful of people, kinds, tag values and seconds, so that ties, replacements, deletions and duplicates are
//! frequent. A random sequence of operations runs on both engines, and everything that they answer is compared. The number
//! of small worlds is `STENTOR_MODEL_WORLDS`, 48 if that is not set.

// What fails here fails a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../common/mod.rs"]
#[allow(unused_imports)]
mod common;

mod compare;
mod concurrent;
mod large;
mod operations;
mod questions;
mod scans;
mod world;

use proptest::prelude::*;
use stentor_store::Keep;

use common::engine::{Embedded, Memory};
use compare::Pair;
use operations::{Operation, many_questions, operations};
use world::{LARGE, SMALL, World, world};

fn config() -> ProptestConfig {
    let cases = std::env::var("STENTOR_MODEL_WORLDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(48);
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

fn engine() -> impl Strategy<Value = Embedded> {
    prop_oneof![Just(Embedded::BUSY), Just(Embedded::TIGHT)]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn compare(
    world: &World,
    operations: &[Operation],
    keep: Keep,
    engine: &Embedded,
) -> Result<(), TestCaseError> {
    runtime().block_on(async {
        let mut pair = Pair::new(&Memory, engine, keep);
        for (step, operation) in operations.iter().enumerate() {
            operations::run(&mut pair, world, operation)
                .await
                .map_err(|error| {
                    TestCaseError::fail(format!("step {step}, {operation:?}: {error}"))
                })?;
        }
        pair.compare_everything().await
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn r1_3_to_r1_13_a_relay_does_what_the_model_does(world in world(SMALL), operations in operations(), engine in engine()) {
        compare(&world, &operations, Keep::Current, &engine)?;
    }

    #[test]
    fn r1_3_to_r1_13_an_archive_does_what_the_model_does(world in world(SMALL), operations in operations(), engine in engine()) {
        compare(&world, &operations, Keep::History, &engine)?;
    }

    #[test]
    fn r8_2_open_scans_do_what_the_model_does(world in world(SMALL), steps in scans::steps()) {
        runtime().block_on(scans::compare(&world, &steps))?;
    }

    #[test]
    fn r1_3_concurrent_submitters_are_put_in_one_order(world in world(SMALL), batches in concurrent::batches(), engine in engine()) {
        concurrent::check(&world, &batches, &engine)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases.div_ceil(48), max_shrink_iters: 100, ..config() })]

    #[test]
    fn r1_6_a_large_store_answers_as_the_model_does(world in world(LARGE), questions in many_questions()) {
        runtime().block_on(large::check(&world, &questions))?;
    }
}
