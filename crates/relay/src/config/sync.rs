//! Synchronisation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, in_range};

/// Synchronisation with other relays, by `stentor sync` and by mirrors: what one of them may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sync {
    /// Events of ours that are compared at once; for more, the range of time is divided. Each takes 40 bytes of memory
    /// meanwhile. 0: no limit.
    pub records: usize,
    /// Differences that are found before they are transferred, 1,000 to 10,000,000. Each takes 32 bytes of memory.
    #[schemars(range(min = 1000, max = 10_000_000))]
    pub differences: usize,
    /// Bytes of one message of ours in a reconciliation (NIP-77), 4 KiB to 4 MiB. On the wire it takes twice as many, in
    /// hexadecimal; many relays accept 128 KiB.
    #[schemars(range(min = 4096, max = 4_194_304))]
    pub frame_bytes: usize,
    /// Events that a relay without NIP-77 is asked for at once, 1 to 5,000.
    #[schemars(range(min = 1, max = 5000))]
    pub page: u64,
    /// Events of one and the same second that it is asked for at once when there are more than a page, 1 to 1,000,000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub page_most: u64,
    /// Seconds in which a relay has to come to the end of one answer, 10 to 86,400.
    #[schemars(range(min = 10, max = 86400))]
    pub request_seconds: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            records: 1_000_000,
            differences: 500_000,
            frame_bytes: 60_000,
            page: 500,
            page_most: 5_000,
            request_seconds: 600,
        }
    }
}

impl Sync {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let differences = self.differences as u64;
        in_range("sync.differences", differences, 1_000..=10_000_000, false)?;
        let frame = self.frame_bytes as u64;
        in_range("sync.frame_bytes", frame, 4_096..=4 << 20, false)?;
        in_range("sync.page", self.page, 1..=5_000, false)?;
        in_range("sync.page_most", self.page_most, 1..=1_000_000, false)?;
        let seconds = self.request_seconds;
        in_range("sync.request_seconds", seconds, 10..=86_400, false)
    }
}
