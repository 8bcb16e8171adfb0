//! The bus over a real store and real records.

// What fails here fails a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod again;
mod harness;
mod jobs;
mod live;
mod nodes;
mod privacy;
mod resume;
mod retention;
mod sequence;
