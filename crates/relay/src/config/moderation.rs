//! The moderation queue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, in_range};

/// The queue of events that somebody should look at (`listeventsneedingmoderation` of NIP-86): reported ones (NIP-56), and
/// hits of rules whose action is `review`. Nothing happens to them by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Moderation {
    /// Whose reports count. With `anyone`, what only strangers have reported is still found by searches.
    pub reporters: Reporters,
    /// Different reporters that an event needs to get into the queue.
    #[schemars(range(min = 1, max = 1000))]
    pub reports: u32,
    /// Events that one key can have wait by its reports at most; more of its reports do not count until some of these events
    /// have been judged.
    #[schemars(range(min = 1, max = 100_000))]
    pub reports_per_key: usize,
    /// Events in the queue at most; when it is full, those that only strangers have reported leave it, then the oldest.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub queue: usize,
}

/// Whose reports count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reporters {
    /// Anyone's.
    Anyone,
    /// Those of members, of keys on the allow list, and of admins.
    #[default]
    Members,
    /// Nobody's.
    Nobody,
}

impl Default for Moderation {
    fn default() -> Self {
        Self {
            reporters: Reporters::Members,
            reports: 1,
            reports_per_key: 500,
            queue: 10_000,
        }
    }
}

impl Moderation {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range(
            "moderation.reports",
            u64::from(self.reports),
            1..=1_000,
            false,
        )?;
        in_range(
            "moderation.reports_per_key",
            self.reports_per_key as u64,
            1..=100_000,
            false,
        )?;
        in_range("moderation.queue", self.queue as u64, 1..=1_000_000, false)
    }
}
