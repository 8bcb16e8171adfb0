//! `[observatory.publish]`: telling others of the checks (O2.5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, ranges, relays};

/// Telling others of the checks (NIP-66).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// Whether the results of checks are published.
    pub enabled: bool,
    /// The file with the monitor's secret key (hex or nsec), relative to the data folder. Without one, a key is made in `secrets/`.
    pub key_file: Option<String>,
    /// Relays to publish to.
    pub relays: Vec<String>,
    /// Whether to publish to this node's own relay.
    pub own: bool,
    /// Seconds after which a result is published again that has not changed.
    #[schemars(range(min = 60, max = 604800))]
    pub interval_seconds: u64,
    /// The monitor's name (kind 0).
    pub name: Option<String>,
    /// What the monitor says about itself (kind 0).
    pub about: Option<String>,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            enabled: false,
            key_file: None,
            relays: Vec::new(),
            own: true,
            interval_seconds: 3_600,
            name: None,
            about: None,
        }
    }
}

impl Publish {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        relays("publish", "relays", &self.relays)?;
        ranges(
            "publish",
            &[("interval_seconds", self.interval_seconds, 60..=604_800)],
        )
    }
}
