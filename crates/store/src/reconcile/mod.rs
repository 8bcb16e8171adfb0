//! Set reconciliation (NIP-77): the sets, and the side that answers. No I/O, no clock.
//!
//! A [`Gathering`] takes the outlines of a filter out of a store, slice by slice, into a [`Snapshot`], over which a
//! [`Session`] answers one message after the other, and an [`Initiator`] asks.

mod gather;
mod initiator;
mod session;
mod snapshot;

pub use gather::{GatherError, Gathering, Step};
pub use initiator::{Differences, Initiator};
pub use session::{ReconcileError, Session, check_message};
pub use snapshot::{ITEM_BYTES, Snapshot, SnapshotBuilder};
