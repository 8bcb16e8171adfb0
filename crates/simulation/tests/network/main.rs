//! O5.4: the simulated network, seen by a small client of its own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod characters;
mod client;
mod information;
mod life;
mod population;
mod reconciliation;
mod walk;
mod writes;
