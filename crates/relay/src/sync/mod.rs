//! Synchronisation (R5.2): brings what matches a filter here and at another relay together, in one direction or both.
//!
//! With a relay that speaks NIP-77 the two sets are reconciled and only the differences travel. With one that does not, its
//! events are asked for page by page ([`Pages`](stentor_peer::Pages)). Either way the range of time is worked off window by window ([`plan`]), so
//! that a set too large for one session is divided, and a run that is cut off goes on where it was ([`journal`]).
//!
//! `plan`, `judge` and `origins` decide and are pure; the other files do.

mod error;
mod fetch;
mod home;
mod journal;
mod judge;
mod origins;
mod plan;
mod plugins;
mod query;
mod reconcile;
mod remote;
mod run;
mod schema;
mod send;
mod tally;
mod walk;

pub use error::SyncError;
pub use home::{Home, Sizes};
pub use remote::{Job, Remote, sync};
pub use run::{Direction, Method};
pub use tally::{Summary, Tally};

pub(crate) use home::Arrival;
pub(crate) use journal::Journal;
pub(crate) use origins::Origins;
pub(crate) use plan::{Plan, overlap};
pub(crate) use query::report;
pub(crate) use remote::begin;
pub(crate) use run::{Order, Run};
pub(crate) use schema::MIGRATIONS;
pub(crate) use send::send;
