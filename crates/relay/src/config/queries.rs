//! What reading may cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_store::{Budget, ScanLimits};

use super::{ConfigError, in_range};

/// What a query may cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Queries {
    /// Rows that one query may look at; above it, it ends with CLOSED. 0: no limit.
    pub rows: u64,
    /// Events that a query may return before others have their turn, 1 to 10,000.
    #[schemars(range(min = 1, max = 10000))]
    pub slice_events: usize,
    /// Bytes of events, likewise, 4 KiB to 16 MiB.
    #[schemars(range(min = 4096, max = 16_777_216))]
    pub slice_bytes: usize,
    /// Rows looked at, likewise, 16 to 1,000,000.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub slice_rows: u64,
    /// COUNTs of one connection being worked on at once, 1 to 1,000.
    #[schemars(range(min = 1, max = 1000))]
    pub counts: usize,
    /// Milliseconds of work above which a query is written to the log with its plan. 0: never.
    pub slow_ms: u64,
}

impl Default for Queries {
    fn default() -> Self {
        Self {
            rows: 2_000_000,
            slice_events: 64,
            slice_bytes: 256 * 1024,
            slice_rows: 4_096,
            counts: 32,
            slow_ms: 200,
        }
    }
}

impl Queries {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range(
            "queries.slice_events",
            self.slice_events as u64,
            1..=10_000,
            false,
        )?;
        in_range(
            "queries.slice_bytes",
            self.slice_bytes as u64,
            4 << 10..=16 << 20,
            false,
        )?;
        in_range("queries.slice_rows", self.slice_rows, 16..=1_000_000, false)?;
        in_range("queries.counts", self.counts as u64, 1..=1_000, false)
    }

    /// What one slice of a scan may do.
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            events: self.slice_events,
            bytes: self.slice_bytes,
            rows: self.slice_rows,
        }
    }

    /// The limits of one scan whose filters return at most `cap` events each.
    pub(crate) fn scan_limits(&self, cap: usize) -> ScanLimits {
        ScanLimits {
            cap: cap as u64,
            rows: self.rows,
        }
    }
}
