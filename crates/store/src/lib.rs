//! Event storage for Stentor: one trait, [`EventStore`], and its engines.
//!
//! * [`embedded`]: the engine of a single node. An append-only log is the durable truth; immutable index runs
//!   beside it are derived from the log and can be rebuilt from it.
//! * [`memory`]: a naive engine that keeps a list and scans it. It is the model against which the embedded engine is
//!   tested, and small enough to be checked by reading.
//!
//! [`reconcile`] compares what a store has with what somebody else has (NIP-77).
//!
//! Every read takes a [`Viewer`](stentor_event::Viewer), so a surface that forgets privacy does not compile. Every
//! read takes the time as an argument: the engines look at no clock but for naming the moment of a commit.

pub mod embedded;
mod error;
mod former;
pub mod memory;
mod observers;
mod outline;
mod query;
pub mod reconcile;
pub mod search;
mod store;
mod write;

pub use error::StoreError;
pub use former::{Former, PartyTag};
pub use outline::{Direction, Outline, OutlineBatch, OutlineQuery, OutlineScan};
pub use query::{
    Batch, BoxFuture, Budget, Count, Explanation, FilterEnd, FilterPlan, Query, Scan, ScanEnd,
    ScanLimits, StoredEvent,
};
pub use store::{
    Change, ChangeKind, CommitObserver, Committed, EventNumber, EventStore, Keep, Seq, Statistics,
};
pub use write::{Outcome, Refusal, RelayScope, Removal, Submission};
