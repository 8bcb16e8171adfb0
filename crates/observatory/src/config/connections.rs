//! `[observatory.connections]`: the budget of connections (O3.6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, ranges};

/// How many connections there are at once, for all that the observatory does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Connections {
    /// In all.
    #[schemars(range(min = 1, max = 65536))]
    pub total: usize,
    /// Of these, through Tor. It takes `outbound.socks.onion`.
    #[schemars(range(min = 1, max = 65536))]
    pub tor: usize,
    /// Of these, through I2P. It takes `outbound.socks.i2p`.
    #[schemars(range(min = 1, max = 65536))]
    pub i2p: usize,
    /// Of these, through Lokinet. It takes `outbound.socks.loki`.
    #[schemars(range(min = 1, max = 65536))]
    pub loki: usize,
    /// Percent of the connections, of all and of each network behind a proxy, and of the archive's turns at once, that are kept free for the
    /// relays in `observatory.archive.first`.
    #[schemars(range(max = 90))]
    pub first_percent: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 256,
            tor: 16,
            i2p: 8,
            loki: 8,
            first_percent: 10,
        }
    }
}

impl Connections {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        ranges(
            "connections",
            &[
                ("total", self.total as u64, 1..=65_536),
                ("tor", self.tor as u64, 1..=65_536),
                ("i2p", self.i2p as u64, 1..=65_536),
                ("loki", self.loki as u64, 1..=65_536),
                ("first_percent", self.first_percent as u64, 0..=90),
            ],
        )
    }
}
