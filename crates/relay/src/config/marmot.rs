//! Marmot: MLS over Nostr.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, parse_keys};

/// Marmot, which brings groups with end-to-end encryption (MLS) to Nostr (R7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Marmot {
    /// Whether its events are checked: key packages, group messages, lists of relays for key packages.
    pub enabled: bool,
    /// How long messages to groups (kind 445) are kept that do not say themselves when they expire, counted from their
    /// arrival. A member that has been away for longer has to be invited again. 0: for ever.
    pub message_days: u64,
    /// Keys of servers that pass notifications on, as 64 hex digits or `npub1…`.
    pub notification_servers: Vec<String>,
    /// How long gift wraps to these are kept, counted from their arrival. 0: for ever.
    pub notification_hours: u64,
}

impl Default for Marmot {
    fn default() -> Self {
        Self {
            enabled: true,
            message_days: 45,
            notification_servers: Vec::new(),
            notification_hours: 24,
        }
    }
}

impl Marmot {
    /// Checks the keys.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        parse_keys("marmot.notification_servers", &self.notification_servers).map(drop)
    }
}
