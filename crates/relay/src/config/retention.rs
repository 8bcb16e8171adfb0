//! Retention.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, KindSet, in_range};
use crate::retention::{CLASSES, Rules};

/// What is kept, and for how long (R4.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Seconds from one pass over the rules to the next, 1 to 604,800.
    #[schemars(range(min = 1, max = 604_800))]
    pub every_seconds: u64,
    /// Events removed in a second, at most. 0: no limit.
    pub events_per_second: u32,
    /// Events removed with one commit, 1 to 10,000.
    #[schemars(range(min = 1, max = 10000))]
    pub batch_events: usize,
    /// Lists of authors that the rules can name. Who is in none of them is one of the `others`.
    pub authors: Vec<AuthorList>,
    /// What goes, oldest first by `created_at`. At least one of the limits of a rule must be given; an event that several
    /// rules are about goes as soon as one of them says so. `stentor db retention --dry-run` tells what would go.
    pub rules: Vec<RetentionRule>,
}

/// Authors that rules can name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthorList {
    /// What the list is called: lower-case letters, digits, `-` and `_`. Must be given.
    pub name: String,
    /// Public keys, 64 lower-case hex digits each.
    pub keys: Vec<String>,
}

/// One rule of retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionRule {
    /// What it is called in logs and metrics: lower-case letters, digits, `-` and `_`. Must be given.
    pub name: String,
    /// The kinds it is about, numbers and ranges: `[1, "1000-1999"]`. Empty: all.
    pub kinds: KindSet,
    /// Kinds it is not about, likewise.
    pub except_kinds: KindSet,
    /// Whose events it is about: `everybody`; the name of a list of `relay.retention.authors`; `members` (NIP-43, and the
    /// allow list); `trusted`, whom the web of trust of `relay.policy.trust` reaches; `others` for all who are none of these.
    /// The last three are known while the node runs only.
    pub authors: String,
    /// Days after which an event goes. 0: no limit.
    #[schemars(range(max = 36500))]
    pub max_age_days: u64,
    /// Events that may be there; above it, the oldest go. 0: no limit.
    pub max_events: u64,
    /// Bytes of events that may be there, in JSON; above it, the oldest go. Files shrink when the store tidies up, and hold
    /// the index too. 0: no limit.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            every_seconds: 600,
            events_per_second: 1_000,
            batch_events: 200,
            authors: Vec::new(),
            rules: Vec::new(),
        }
    }
}

impl Default for RetentionRule {
    fn default() -> Self {
        Self {
            name: String::new(),
            kinds: KindSet::default(),
            except_kinds: KindSet::default(),
            authors: "everybody".to_owned(),
            max_age_days: 0,
            max_events: 0,
            max_bytes: 0,
        }
    }
}

impl Retention {
    /// Checks the ranges and the rules.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let every = self.every_seconds;
        in_range("retention.every_seconds", every, 1..=604_800, false)?;
        let batch = self.batch_events as u64;
        in_range("retention.batch_events", batch, 1..=10_000, false)?;
        Rules::new(self, &CLASSES).map(drop)
    }
}
