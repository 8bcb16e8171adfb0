//! How search is set up.

use std::time::Duration;

/// How search is set up. See the configuration of the relay for what the figures mean to an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Memory for events that are not yet in a file of the index, in bytes; at least [`Options::LEAST_MEMORY`].
    pub memory_bytes: usize,
    /// Longest time between the commit of an event to the store and its commit to the index.
    pub commit_every: Duration,
    /// Entries of the change feed after which the index is committed while it catches up.
    pub commit_changes: u64,
    /// Longest time that a search waits for events that were stored before it.
    pub fresh_within: Duration,
    /// Searches that are worked on at once.
    pub concurrent: usize,
    /// Searches that wait for their turn; more are refused.
    pub waiting: usize,
    /// Hits of one filter that are looked at in the store.
    pub examined: usize,
    /// Longest time that the index may take for one filter.
    pub time: Duration,
}

impl Options {
    /// Less than this does not do, in bytes.
    pub const LEAST_MEMORY: usize = 15_000_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory_bytes: 32 << 20,
            commit_every: Duration::from_secs(1),
            commit_changes: 20_000,
            fresh_within: Duration::from_millis(500),
            concurrent: 2,
            waiting: 64,
            examined: 10_000,
            time: Duration::from_millis(500),
        }
    }
}
