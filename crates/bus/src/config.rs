//! The configuration of the bus.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::queue::QueueLimits;

/// What happens in the node, as streams and webhooks are given it: how long it is kept, and how far readers may lag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long readers can come back to where they were, in hours: entries of the log of the records are removed after that, and
    /// cursors into the change feed of the store are refused. 0: for ever.
    pub retention_hours: u32,
    /// Bytes of the log of the records, about; above it, the oldest entries go before their time. 0: no limit.
    pub retention_bytes: u64,
    /// Positions of the store's change feed behind its end that readers can come back to. 0: no limit.
    pub retention_changes: u64,
    /// Envelopes that wait for a live reader; one that more would wait for is told how many it misses, and ends. 0: no limit.
    pub queue_envelopes: usize,
    /// Bytes of envelopes that wait for a live reader, likewise. 0: no limit.
    pub queue_bytes: usize,
    /// Ephemeral events that wait to be given to readers; more are dropped. At least 1.
    #[schemars(range(min = 1))]
    pub ephemeral: usize,
    /// Readers that read from the logs at once, as they come back or look into the past; more wait for their turn. At least 1.
    #[schemars(range(min = 1, max = 1024))]
    pub replays: usize,
    /// How often other nodes' entries in the log of the records are looked for, in milliseconds, 10 to 60,000.
    #[schemars(range(min = 10, max = 60000))]
    pub poll_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retention_hours: 7 * 24,
            retention_bytes: 1 << 30,
            retention_changes: 0,
            queue_envelopes: 1_000,
            queue_bytes: 1 << 20,
            ephemeral: 4_096,
            replays: 8,
            poll_ms: 1_000,
        }
    }
}

impl Config {
    /// The first moment, in Unix milliseconds, of what is kept at `now_ms`.
    pub(crate) fn kept_from(&self, now_ms: u64) -> u64 {
        match self.retention_hours {
            0 => 0,
            hours => now_ms.saturating_sub(u64::from(hours) * 3_600_000),
        }
    }

    pub(crate) const fn queue(&self) -> QueueLimits {
        QueueLimits {
            envelopes: self.queue_envelopes,
            bytes: self.queue_bytes,
        }
    }

    pub(crate) const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}
