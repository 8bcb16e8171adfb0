//! Power cuts: what the engine writes and syncs is recorded, the store's folder is rebuilt as of random moments with
//! random parts of what was not synced by then, and the store that is opened there must be what was acknowledged.
//!
//! * [`tape`] records, and lets operations fail where a test asks for it ([`faults`]);
//! * [`platter`] is the disk: what of the recording may be on it after a cut;
//! * [`workload`] uses a store in random ways and notes what it acknowledged;
//! * [`check`] compares a store with that.

mod check;
mod cuts;
mod dice;
mod faults;
mod platter;
mod tape;
mod workload;

pub use tape::act;
