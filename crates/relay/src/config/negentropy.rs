//! Reconciliation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, in_range};

/// What reconciliations (NIP-77) may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Negentropy {
    /// Whether it is offered.
    pub enabled: bool,
    /// Events in one reconciliation; for more, the answer is NEG-ERR `blocked:` with this number. Each takes 40 bytes of
    /// memory as long as it lasts. 0: no limit.
    pub records: usize,
    /// Reconciliations of one connection at once, 1 to 1,000.
    #[schemars(range(min = 1, max = 1000))]
    pub sessions: usize,
    /// Reconciliations of all connections at once. 0: no limit.
    pub sessions_node: usize,
    /// Bytes of memory that the reconciliations of all connections may take, for events, messages and filters; who wants more
    /// is told to try again later. 0: no limit.
    pub bytes_node: usize,
    /// Bytes of one answer, 4 KiB to 4 MiB. On the wire it takes twice as many, in hexadecimal.
    #[schemars(range(min = 4096, max = 4_194_304))]
    pub frame_bytes: usize,
    /// Seconds after which a reconciliation ends whose client says nothing, 1 to 86,400.
    #[schemars(range(min = 1, max = 86400))]
    pub idle_seconds: u64,
}

impl Default for Negentropy {
    fn default() -> Self {
        Self {
            enabled: true,
            records: 1_000_000,
            sessions: 8,
            sessions_node: 1_000,
            bytes_node: 256 << 20,
            frame_bytes: 60_000,
            idle_seconds: 120,
        }
    }
}

impl Negentropy {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let frame = self.frame_bytes as u64;
        in_range("negentropy.frame_bytes", frame, 4_096..=4 << 20, false)?;
        in_range(
            "negentropy.sessions",
            self.sessions as u64,
            1..=1_000,
            false,
        )?;
        in_range(
            "negentropy.idle_seconds",
            self.idle_seconds,
            1..=86_400,
            false,
        )
    }
}
