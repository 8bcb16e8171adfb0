//! How a store is opened.

use crate::{Keep, RelayScope};

/// Options of [`Store::open`](super::Store::open).
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether old versions of replaceable events are kept. Fixed when the store is made.
    pub keep: Keep,
    /// Whom a request to vanish must name, until [`Store::set_scope`](super::Store::set_scope).
    pub scope: RelayScope,
    /// Threads that verify signatures; 0: one for each core.
    pub verifiers: usize,
    /// Events whose index is kept in memory before it is written to a file; at least 1.
    pub flush_events: usize,
    /// Most events committed together; at least 1.
    pub commit_events: usize,
    /// Most submitted events that wait for their commit; more wait in [`submit`](crate::EventStore::submit).
    pub waiting_events: usize,
    /// Size at which a new segment of the log is begun, in bytes; from 4 KiB to 1 GiB.
    pub segment_bytes: usize,
}

impl Options {
    /// Size of a log segment within its limits.
    pub(super) fn segment_bytes(&self) -> usize {
        self.segment_bytes.clamp(4 << 10, 1 << 30)
    }

    /// Size of a commit beyond which no event is added to it.
    pub(super) fn batch_bytes(&self) -> usize {
        self.segment_bytes() / 4
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep: Keep::Current,
            scope: RelayScope::default(),
            verifiers: 0,
            flush_events: 32_768,
            commit_events: 4_096,
            waiting_events: 65_536,
            segment_bytes: 64 << 20,
        }
    }
}
