//! Mirrors (R5.3): live streams from and to other relays, as the configuration has them.
//!
//! Each mirror is a task of its own over one connection, which is made again with back-off. *Down*, it follows subscriptions and
//! makes up for what was missed while there was no connection by a synchronisation of the gap. *Up*, it reads the change feed from
//! a position that is remembered in the records, and does not send back what came from there.

mod contact;
mod live;
mod metrics;
mod place;
mod set;
mod status;
mod task;
mod up;

pub use set::{Mirrors, Outbound};
pub use status::{MirrorState, MirrorStatus};
