//! Checking relays (O2.1 to O2.3).
//!
//! The service takes the relays that are due from the records, a bounded number at once and not all in the same second (`schedule`).
//! For each, `attempt` makes one visit: names, connection, TLS, WebSocket, a question, an event where the operator wants one
//! (`write_test`), the information document; what came of it are `Findings`, which say nothing of what was not tested. `visit` tries
//! again what may pass, in the same check. Before a relay is said to be away, `jury` asks whether it is rather us (`own_network`). What is
//! left goes to `history` in batches.
//!
//! A visit holds one permit of the budget and has a deadline at each step. What a relay does wrong is a finding. What ends the
//! service is the records alone; checks that were under way are then made again, as they are still due.

mod attempt;
mod certificate;
mod control;
mod facts;
mod findings;
mod geohash;
mod jury;
mod own_network;
mod place;
mod policy;
mod queue;
mod reason;
mod schedule;
mod service;
mod telemetry;
mod visit;
mod write_test;

#[cfg(test)]
mod tests;

pub(crate) use attempt::document as information;
pub(crate) use certificate::clipped;
pub(crate) use facts::facts;
pub(crate) use findings::{Findings, Known, Untold, Verdict};
pub(crate) use geohash::middle;
pub(crate) use place::Places;
pub(crate) use reason::Reason;
pub(crate) use schedule::Schedule;
pub(crate) use service::run;
pub(crate) use write_test::Written;
