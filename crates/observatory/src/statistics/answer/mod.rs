//! Answers from the statistics: for REST, the command line and pages. They read tables and nothing else; each is bounded.

mod activity;
mod holdings;
mod latency;
mod lists;
mod network;
mod totals;

pub use activity::{ActiveAuthors, KindDay, NewAuthors};
pub(crate) use activity::{
    MOST_KINDS, PartSum, active_authors, days_with_events, event_sums, kind_sums, kinds,
    new_author_sums, new_authors,
};
pub use holdings::{RelayCount, RelayCountSort, RelayCountsQuery, Replication};
pub(crate) use holdings::{pairs, relay_counts, replication};
pub use latency::RelayLatency;
pub(crate) use latency::latencies;
pub use lists::DeadEntries;
#[cfg(test)]
pub(crate) use lists::DeadEntry;
pub(crate) use lists::dead_entries;
pub use network::{NipAdoption, RelayCoverage, Software};
pub(crate) use network::{coverage, nips, software};
pub use totals::Totals;
pub(crate) use totals::totals;

/// Most rows of one answer; questions that ask for more get so many.
pub const MOST: usize = 1_000;

/// A limit as SQL takes it.
fn limit(limit: usize) -> i64 {
    limit.min(MOST) as i64
}
