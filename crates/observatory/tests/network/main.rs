//! The whole observatory against a simulated network (O5.4), by nothing but what is public: what it was opened with, what it answers,
//! and what relays say that they were asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod archiving;
mod checks;
mod guard;
mod own_network;
mod publishing;
mod service;
mod who_we_are;
mod whole;
