//! The gateway over real sockets, real records and a real bus.

// What fails here fails a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod contract;
mod credentials;
mod harness;
mod history;
mod jobs;
mod outage;
mod streams;
mod telemetry;
mod tokens;
mod webhooks;
mod websocket;
