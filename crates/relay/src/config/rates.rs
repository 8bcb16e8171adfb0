//! Rates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_net::limit::Rate;

use super::{ConfigError, in_range};

/// How often each thing may happen. What is above is refused with `rate-limited:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// How many seconds' worth of each rate may come at once, 1 to 3,600.
    #[schemars(range(min = 1, max = 3600))]
    pub burst_seconds: u32,
    /// EVENTs a second.
    pub events: Scope,
    /// REQs a second.
    pub reqs: Scope,
    /// COUNTs a second.
    pub counts: Scope,
    /// AUTHs a second.
    pub auths: Scope,
    /// Bytes received in a second.
    pub bytes: Scope,
    /// Rows that the store looks at in a second for the queries of a connection; who has used up this second's may not ask
    /// again until it is made up for. 0: no limit.
    pub rows: u32,
}

/// A rate, in units a second, for each of those whom it can be counted for. 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Of one connection.
    pub connection: u32,
    /// Of one client address (IPv6: of one /64).
    pub ip: u32,
    /// Of one authenticated key, over all its connections.
    pub key: u32,
    /// Of the node.
    pub node: u32,
}

impl Scope {
    /// The four rates.
    const fn new(connection: u32, ip: u32, key: u32, node: u32) -> Self {
        Self {
            connection,
            ip,
            key,
            node,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            burst_seconds: 1,
            events: Scope::new(120, 1_000, 1_000, 10_000),
            reqs: Scope::new(60, 300, 300, 10_000),
            counts: Scope::new(30, 150, 150, 5_000),
            auths: Scope::new(10, 50, 20, 1_000),
            bytes: Scope::new(8 << 20, 32 << 20, 32 << 20, 0),
            rows: 1_000_000,
        }
    }
}

impl Rates {
    /// A rate of this many a second, as the limiters take it.
    pub(crate) const fn rate(&self, per_second: u32) -> Rate {
        Rate::per_second(per_second).with_burst(per_second.saturating_mul(self.burst_seconds))
    }

    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range(
            "rates.burst_seconds",
            u64::from(self.burst_seconds),
            1..=3_600,
            false,
        )
    }
}
