//! Limits and times of a connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::ParseLimits;
use thiserror::Error;

/// Limits and times of connections to other relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of one message from the relay, 1 KiB to 64 MiB. A longer one ends the connection.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub message_bytes: usize,
    /// Bytes of one event; larger ones are dropped. 0: no limit but that of the message.
    pub event_bytes: usize,
    /// Tags of one event; events with more are dropped. 0: no limit.
    pub tags: usize,
    /// Events waiting for the consumer of one subscription; above it, the connection is not read.
    #[schemars(range(min = 1, max = 65536))]
    pub queue_events: usize,
    /// Bytes of events waiting for the consumer of one subscription, likewise. One event always has room.
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub queue_bytes: usize,
    /// How long the connection waits for a consumer that takes nothing, before it ends that subscription.
    #[schemars(range(min = 1, max = 3600))]
    pub stall_seconds: u64,
    /// Subscriptions, counts and reconciliations at once; more are refused here. Many relays allow 20.
    #[schemars(range(min = 1, max = 10000))]
    pub subscriptions: usize,
    /// Events sent and not yet answered; further ones wait.
    #[schemars(range(min = 1, max = 10000))]
    pub window: usize,
    /// How long an answer is waited for: OK, COUNT, NEG-MSG, and the next event or EOSE while stored events are sent.
    #[schemars(range(min = 1, max = 3600))]
    pub answer_seconds: u64,
    /// How long the opening handshake may take once there is a connection.
    #[schemars(range(min = 1, max = 300))]
    pub handshake_seconds: u64,
    /// How long the relay may take nothing of what is sent to it.
    #[schemars(range(min = 1, max = 3600))]
    pub write_seconds: u64,
    /// Silence after which the relay is pinged.
    #[schemars(range(min = 1, max = 3600))]
    pub ping_seconds: u64,
    /// Further silence after which the connection is given up.
    #[schemars(range(min = 1, max = 3600))]
    pub pong_seconds: u64,
    /// Whether signatures are verified here; ids are, always. Off only for events that go to a store, which verifies them: it
    /// would be done twice. For callers to say, not for configurations (R1.1).
    #[serde(skip)]
    pub verify: bool,
    /// Messages that are malformed, forged or not asked for, after which the relay is left. 0: never.
    pub faults: u64,
    /// Events that a subscription takes before EOSE; with more it ends. 0: no limit.
    pub stored_events: u64,
    /// When to authenticate (NIP-42), if there is a signer. For callers to say, not for configurations.
    #[serde(skip)]
    pub auth: AuthWhen,
}

/// When to authenticate (NIP-42).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthWhen {
    /// Never by itself.
    Never,
    /// When the relay refuses something until then: who we are is not told without need.
    #[default]
    Required,
    /// As soon as there is a challenge.
    Challenged,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key}: {value} is not between {} and {}", range.start(), range.end())]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: u64,
    /// What it may be.
    pub range: RangeInclusive<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            event_bytes: 512 * 1024,
            tags: 10_000,
            queue_events: 512,
            queue_bytes: 4 << 20,
            stall_seconds: 60,
            subscriptions: 20,
            window: 64,
            answer_seconds: 30,
            handshake_seconds: 10,
            write_seconds: 30,
            ping_seconds: 30,
            pong_seconds: 20,
            verify: true,
            faults: 1_000,
            stored_events: 0,
            auth: AuthWhen::Required,
        }
    }
}

impl Config {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let ranges = [
            ("message_bytes", self.message_bytes as u64, 1_024..=64 << 20),
            ("queue_events", self.queue_events as u64, 1..=1 << 16),
            ("queue_bytes", self.queue_bytes as u64, 1_024..=1 << 30),
            ("stall_seconds", self.stall_seconds, 1..=3_600),
            ("subscriptions", self.subscriptions as u64, 1..=10_000),
            ("window", self.window as u64, 1..=10_000),
            ("answer_seconds", self.answer_seconds, 1..=3_600),
            ("handshake_seconds", self.handshake_seconds, 1..=300),
            ("write_seconds", self.write_seconds, 1..=3_600),
            ("ping_seconds", self.ping_seconds, 1..=3_600),
            ("pong_seconds", self.pong_seconds, 1..=3_600),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                return Err(ConfigError { key, value, range });
            }
        }
        Ok(())
    }

    pub(crate) fn parse_limits(&self) -> ParseLimits {
        ParseLimits {
            max_event_bytes: self.event_bytes,
            max_event_tags: self.tags,
            ..ParseLimits::NONE
        }
    }

    pub(crate) const fn answer_time(&self) -> Duration {
        Duration::from_secs(self.answer_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range_and_others_are_named() {
        Config::default().check().unwrap();
        let config: Config = serde_json::from_str(r#"{"queue_events":0}"#).unwrap();
        assert_eq!(config.check().unwrap_err().key, "queue_events");
        assert!(serde_json::from_str::<Config>(r#"{"ques":0}"#).is_err());
    }

    #[test]
    fn r1_1_no_key_turns_verification_off() {
        for key in ["verify", "auth"] {
            let text = format!(r#"{{"{key}":false}}"#);
            let error = serde_json::from_str::<Config>(&text).unwrap_err();
            assert!(error.to_string().starts_with("unknown field"), "{error}");
            let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
            assert!(schema["properties"].get(key).is_none(), "{key}");
        }
        let config: Config = serde_json::from_str("{}").unwrap();
        assert!(config.verify && config == Config::default());
    }
}
