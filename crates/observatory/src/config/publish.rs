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
    /// Relays to publish to; at most 100. One that asks who we are is told, with the monitor's key.
    pub relays: Vec<String>,
    /// Whether to publish to this node's own relay.
    pub own: bool,
    /// Seconds after which a result is published again that has not changed; by the check that is nearest to it.
    #[schemars(range(min = 60, max = 604800))]
    pub interval_seconds: u64,
    /// The monitor's name (kind 0).
    pub name: Option<String>,
    /// What the monitor says about itself (kind 0). Without it and a name, no profile is published.
    pub about: Option<String>,
    /// The geohash of the place that the monitor looks from, as short as you like.
    pub geohash: Option<String>,
}

/// Relays that may be published to.
const RELAYS: usize = 100;

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
            geohash: None,
        }
    }
}

impl Publish {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        relays("publish", "relays", &self.relays)?;
        if self.relays.len() > RELAYS {
            let problem = format!("more than {RELAYS} relays");
            return Err(ConfigError::new("publish.relays", problem));
        }
        let digit = |c: char| "0123456789bcdefghjkmnpqrstuvwxyz".contains(c);
        let is_geohash = |text: &String| (1..=12).contains(&text.len()) && text.chars().all(digit);
        if !self.geohash.as_ref().is_none_or(is_geohash) {
            let problem = "is no geohash: 1 to 12 of 0-9 and b-z without a, i, l, o";
            return Err(ConfigError::new("publish.geohash", problem));
        }
        ranges(
            "publish",
            &[("interval_seconds", self.interval_seconds, 60..=604_800)],
        )
    }
}
