//! The embedded engine.
//!
//! A store is a folder:
//!
//! | entry | holds | is |
//! |---|---|---|
//! | `log/` | every commit, in order; see [`log`] | the truth |
//! | `index/` | what events can be found by, in immutable runs; see [`run`] | derived |
//! | `locator` | where in the log each event is, or that it is gone; see [`table`] | derived |
//! | `feed` | the change feed; see [`feed`] | derived |
//! | `MANIFEST` | which files belong to the store, and the checkpoint: up to where of the log they contain; see [`manifest`] | written last |
//! | `LOCK` | the process that has it open | |
//!
//! A write goes through [`verifier`] to the [`committer`], the one thread that changes the store; [`decide`] says what
//! becomes of an event. A commit appends to the log, syncs it, and publishes a small run in memory. The [`keeper`] merges
//! runs and writes them to files, far from the commit path. After a crash [`recover`] reads the log from the
//! checkpoint on. Readers take a [`state::Snapshot`] and wait for nobody.

mod backup;
mod batch;
mod committer;
mod compaction;
mod core;
mod count;
mod counters;
mod decide;
mod disk;
mod facts;
mod feed;
mod fetch;
mod files;
mod first_look;
mod group;
mod keeper;
mod key;
mod lock;
mod log;
mod manifest;
mod mmap;
mod numbers;
mod options;
mod pending;
#[cfg(test)]
mod power_cut;
mod progress;
mod recover;
mod run;
mod scan;
mod state;
mod statistics;
mod store;
mod table;
mod verifier;
mod verify;
mod watch;

pub use backup::Moment;
pub use options::Options;
pub use progress::Progress;
pub use store::Store;
pub use verify::Verification;
