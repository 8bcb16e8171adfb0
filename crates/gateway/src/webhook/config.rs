//! The section `gateway.webhooks` of the configuration.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// What happens, sent to addresses that tenants name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Whether there are webhooks.
    pub enabled: bool,
    /// The file of the key that secrets are encrypted with: 64 hex digits, readable by its owner only. All nodes on one database need the same one.
    /// Without it: `secrets/master.key` in the data folder, made at the first start.
    pub master_key_file: Option<PathBuf>,
    /// Webhooks of one tenant.
    #[schemars(range(min = 1, max = 1000))]
    pub endpoints: u64,
    /// Attempts a webhook is sent in any minute, unless it asks for fewer.
    #[schemars(range(min = 1, max = 6000))]
    pub rate_per_minute: u32,
    /// Attempts under way to one webhook, unless it asks for fewer.
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: u32,
    /// Attempts under way on the node; more wait for their turn.
    #[schemars(range(min = 1, max = 4096))]
    pub in_flight: u32,
    /// Seconds that an attempt may take: look-up, connection, request, answer.
    #[schemars(range(min = 1, max = 60))]
    pub timeout_seconds: u64,
    /// Bytes of a message; where the data make it larger, a reference is sent in their place.
    #[schemars(range(min = 1024, max = 262_144))]
    pub body_bytes: usize,
    /// Bytes of an answer that are kept for the list of attempts.
    #[schemars(range(min = 0, max = 65536))]
    pub response_bytes: usize,
    /// Deliveries of one webhook that wait to be tried again. With more, it is given nothing new until some are delivered or given up.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub outstanding: u64,
    /// Dead letters of one webhook; beyond, the oldest are dropped.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub dead_letters: u64,
    /// Attempts of one webhook that are remembered.
    #[schemars(range(min = 0, max = 100_000))]
    pub attempts: u64,
    /// Days that attempts are remembered.
    #[schemars(range(min = 1, max = 365))]
    pub attempts_days: u64,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            enabled: true,
            master_key_file: None,
            endpoints: 20,
            rate_per_minute: 100,
            concurrency: 8,
            in_flight: 256,
            timeout_seconds: 15,
            body_bytes: 256 << 10,
            response_bytes: 16 << 10,
            outstanding: 10_000,
            dead_letters: 1_000,
            attempts: 1_000,
            attempts_days: 7,
        }
    }
}

impl Webhooks {
    /// Checks what the types do not show.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        let ranges: [(&'static str, u64, RangeInclusive<u64>); 11] = [
            ("webhooks.endpoints", self.endpoints, 1..=1_000),
            (
                "webhooks.rate_per_minute",
                self.rate_per_minute.into(),
                1..=6_000,
            ),
            ("webhooks.concurrency", self.concurrency.into(), 1..=64),
            ("webhooks.in_flight", self.in_flight.into(), 1..=4_096),
            ("webhooks.timeout_seconds", self.timeout_seconds, 1..=60),
            (
                "webhooks.body_bytes",
                self.body_bytes as u64,
                1_024..=262_144,
            ),
            (
                "webhooks.response_bytes",
                self.response_bytes as u64,
                0..=65_536,
            ),
            ("webhooks.outstanding", self.outstanding, 1..=1_000_000),
            ("webhooks.dead_letters", self.dead_letters, 0..=1_000_000),
            ("webhooks.attempts", self.attempts, 0..=100_000),
            ("webhooks.attempts_days", self.attempts_days, 1..=365),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                let (from, to) = range.into_inner();
                let problem = format!("{value} is not between {from} and {to}");
                return Err(ConfigError { key, problem });
            }
        }
        Ok(())
    }

    /// How long an attempt may take.
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g4_values_out_of_range_are_named() {
        Webhooks::default().check().unwrap();
        let key = |change: fn(&mut Webhooks)| {
            let mut config = Webhooks::default();
            change(&mut config);
            config.check().unwrap_err().key
        };
        assert_eq!(
            key(|config| config.body_bytes = 1 << 20),
            "webhooks.body_bytes"
        );
        assert_eq!(key(|config| config.concurrency = 0), "webhooks.concurrency");
    }
}
