//! The configuration of the gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_serve::headers::Cors;

use crate::webhook::config::Webhooks;

/// What happens in the node, for programs: streams and history on `/api/v1/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether there is a gateway.
    pub enabled: bool,
    /// Origins whose pages may read answers: `https://app.example.com`, or `*` for any.
    pub origins: Vec<String>,
    /// Bounds of streams.
    pub streams: Streams,
    /// Webhooks.
    pub webhooks: Webhooks,
}

/// Bounds of streams. 0 switches a bound off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Streams {
    /// Streams of the node; beyond, clients are told to come back later.
    pub node: usize,
    /// Streams of one client address (IPv6: of one /64).
    pub per_ip: usize,
    /// Streams of one principal, by whatever credentials.
    pub per_principal: usize,
    /// Streams that one client address may open in a second in the long run (IPv6: one /64).
    pub opened_per_second: u32,
    /// Streams that it may open at once after a quiet time.
    pub opened_burst: u32,
    /// Silence after which a stream is told that it lives, in seconds, 1 to 300.
    #[schemars(range(min = 1, max = 300))]
    pub keep_alive_seconds: u64,
    /// How long clients are told to wait before they come back, in seconds; drawn from half of this to one and a half of it.
    #[schemars(range(min = 1, max = 300))]
    pub retry_seconds: u64,
    /// Subscriptions on one WebSocket.
    pub subscriptions: usize,
    /// Envelopes in one page of the history, at most.
    #[schemars(range(min = 1, max = 10000))]
    pub history: usize,
    /// Bytes of a filter for events of Nostr.
    pub filter_bytes: usize,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gateway.{key}: {problem}")]
pub struct ConfigError {
    /// The key, dotted, below `gateway`.
    pub key: &'static str,
    /// What is wrong with its value.
    pub problem: String,
}

impl Config {
    /// Checks what the types do not show.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.webhooks.check()?;
        match Cors::allow_list(&self.origins) {
            Ok(_) => Ok(()),
            Err(error) => Err(ConfigError {
                key: "origins",
                problem: error.to_string(),
            }),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            origins: Vec::new(),
            streams: Streams::default(),
            webhooks: Webhooks::default(),
        }
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            node: 1_000,
            per_ip: 10,
            per_principal: 5,
            opened_per_second: 2,
            opened_burst: 60,
            keep_alive_seconds: 15,
            retry_seconds: 3,
            subscriptions: 32,
            history: 1_000,
            filter_bytes: 65_536,
        }
    }
}
