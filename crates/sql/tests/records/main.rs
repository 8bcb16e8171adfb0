//! What holds on both databases: one body for each behaviour, two engines; and what only one of them can do or suffer.

// What fails here fails a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod atomicity;
mod backup;
mod child;
mod cluster;
mod concurrency;
mod constraints;
mod killing;
mod limits;
mod migrating;
mod outage;
mod proxy;
mod shortage;
mod values;
mod words;
