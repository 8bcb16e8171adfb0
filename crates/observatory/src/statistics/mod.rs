//! Statistics of the archive, kept up as events arrive (O4.1): kinds, authors, and relay lists by day.
//!
//! `service` follows the change feed of the archive in batches. `batch` makes a few additions to counts of each (pure), `apply` writes them,
//! and the place in the feed with them, in one transaction: what is counted is counted exactly once, whenever the process ends. What it
//! counted of each event it notes down (`ledger`), so that the share of an event that leaves the archive can be taken out again:
//! the feed no longer knows the time, the size or the author of what has left. Then it also tells `provenance` to forget.
//!
//! What is not taken back: that an author was active in a period, and on which day an author was first seen. Both tell what was
//! published, not what is kept.
//!
//! Times that cannot be true, before 2020 or more than a day after the event came, are counted under a day of their own
//! ([`period::ABSURD`]) and make nobody active. Authors of gift wraps are not counted: their keys are made for one event each.
//!
//! `answer` reads what is kept.

pub(crate) mod answer;
mod apply;
mod authors;
mod batch;
mod ledger;
mod lists;
pub(crate) mod period;
mod removed;
mod service;
#[cfg(test)]
mod tests;

pub(crate) use service::run;
#[cfg(test)]
pub(crate) use tests::count as count_all;
#[cfg(feature = "measure")]
pub(crate) use {
    apply::{Span, apply},
    batch::Batch,
};
