//! What an event must be like, whoever wrote it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{ConfigError, KindSet, in_range};

/// How far `created_at` may be from the relay's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Time {
    /// How many seconds an event's `created_at` may lie ahead of the relay's clock. 0: no limit.
    pub ahead_seconds: u64,
    /// How many seconds it may lie behind. 0: no limit.
    pub behind_seconds: u64,
}

/// Sizes of events, beside those in `relay.limits`. 0: no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// Characters of the content.
    pub content_chars: usize,
    /// `p` tags: how many people an event may call on.
    pub mentions: usize,
    /// `t` tags.
    pub hashtags: usize,
    /// Bytes of one value of a tag.
    pub tag_value_bytes: usize,
}

/// Proof of work (NIP-13): leading zero bits of the id. The author must have set out for as many.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    /// Bits for events of all kinds that `kinds` does not name. 0: none.
    #[schemars(range(max = 255))]
    pub bits: u8,
    /// Other bits for certain kinds; the first entry that names the kind counts.
    pub kinds: Vec<WorkOfKinds>,
    /// Whether members, and those on the allow list, need not do it.
    pub members_exempt: bool,
}

/// Work for certain kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkOfKinds {
    /// The kinds.
    pub kinds: KindSet,
    /// Their bits; 0: none.
    #[schemars(range(max = 255))]
    pub bits: u8,
}

impl Default for Time {
    fn default() -> Self {
        Self {
            ahead_seconds: 900,
            behind_seconds: 0,
        }
    }
}

impl Time {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let range = 1..=i64::MAX as u64;
        in_range(
            "policy.time.ahead_seconds",
            self.ahead_seconds,
            range.clone(),
            true,
        )?;
        in_range(
            "policy.time.behind_seconds",
            self.behind_seconds,
            range,
            true,
        )
    }
}

impl Work {
    /// Checks that every entry names kinds.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.kinds.iter().position(|entry| entry.kinds.is_empty()) {
            None => Ok(()),
            Some(index) => Err(ConfigError::new(
                format!("policy.work.kinds[{index}].kinds"),
                "names no kind",
            )),
        }
    }
}
