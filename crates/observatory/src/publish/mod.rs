//! Telling others of the checks, as NIP-66 has it (O2.5).
//!
//! What is to be said is made once (`maker`), of the rows that checks have written: an event 30166 of each relay that answered
//! (`discovery`), and the monitor's own events (`monitor`): 10166, 0 and 10002. It is said when it is new, when something changed that
//! is not a round-trip, and else once in `publish.interval_seconds`; never of a relay that was not reached, and of none while our own
//! network is down. What was signed last of each is kept in `observatory_published` with its place in the order of publication
//! (`table`).
//!
//! Each target, the relays of the configuration (`target`) and our own relay (`own`), reads on from the place that it has got to. A
//! newer event takes the row of the older one and a later place, so a target that was away gets what is newest of each relay and
//! nothing twice, and what waits for it never exceeds the number of relays. A target that refuses is left alone with back-off, and is
//! seen in the metrics.
//!
//! Killed at any moment: an event that was signed and not written is made again; one that was sent and whose place was not noted is
//! sent again, which a relay answers as a duplicate.

mod discovery;
mod maker;
mod metrics;
mod monitor;
mod own;
mod service;
mod statement;
mod table;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use discovery::{Reached, discovery};
pub(crate) use service::run;
