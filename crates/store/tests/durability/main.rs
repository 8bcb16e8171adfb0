//! What outlives the process, and what becomes of damage. Power cuts and failing disks are tested inside of the engine.

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

mod backup;
mod child;
mod compaction;
mod damage;
mod growth;
mod house;
mod killing;
mod locking;
mod opening;
mod rebuilding;
mod time;
