//! Tokens of our own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, in_range};

/// Signed tokens (JWT, EdDSA) that this deployment issues to its own principals. The keys are in the folder `secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Whether tokens are issued, and those that were issued accepted.
    pub enabled: bool,
    /// What the tokens call their issuer (`iss`): usually the public `https://` address of the deployment.
    pub issuer: String,
    /// For whom the tokens are (`aud`): this deployment.
    pub audience: String,
    /// Seconds that a token is good at most: 1 minute to 1 day.
    #[schemars(range(min = 60, max = 86400))]
    pub seconds: u64,
    /// Days after which a new key signs. The old one verifies until its last token has ended.
    #[schemars(range(min = 1, max = 3650))]
    pub key_days: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            enabled: true,
            issuer: "stentor".to_owned(),
            audience: "stentor".to_owned(),
            seconds: 3_600,
            key_days: 90,
        }
    }
}

impl Tokens {
    /// Checks names and ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, name) in [
            ("tokens.issuer", &self.issuer),
            ("tokens.audience", &self.audience),
        ] {
            if name.is_empty() || name.len() > 500 {
                return Err(ConfigError::new(key, "has to have 1 to 500 bytes"));
            }
        }
        in_range("tokens.seconds", self.seconds, 60..=86_400, false)?;
        in_range("tokens.key_days", self.key_days, 1..=3_650, false)
    }
}
