//! Full-text search over a store (R6): what is found, what never is, in which order, and after which accidents.

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

mod answers;
mod child;
mod counting;
mod crash;
mod house;
mod index;
mod model;
mod trust;
