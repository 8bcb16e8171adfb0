//! How relays have done (O2.4): every check a row, sums of each day for ever, outcomes by the hour (`outcomes`), the relay's own row as it is now, and a log of what
//! has changed in its information document.
//!
//! `check` hands over what it has found in batches; a batch is one transaction. Documents are kept once, addressed by the SHA-256 of
//! their canonical JSON (`document`). Old checks go after `keep_days`, documents that nothing names go after them (`prune`).
//! `uptime` and `degraded` are pure. `series`, `changes` and `uptime_days` are what answers and pages read; each is bounded.
//!
//! What is written again after a kill is recognised by relay and time and counts once.

mod change;
mod days;
mod degraded;
mod document;
mod entry;
mod information;
mod outcomes;
mod prune;
mod record;
mod row;
mod series;
mod uptime;

#[cfg(test)]
mod tests;

pub(crate) use change::{Change, changes};
pub(crate) use days::{Day, uptime_days};
pub(crate) use document::{Document, document};
pub(crate) use entry::Entry;
pub(crate) use information::shown;
pub(crate) use outcomes::{Outcome, outcomes};
pub(crate) use prune::run;
pub(crate) use record::record;
pub(crate) use series::{Point, series, statuses};
