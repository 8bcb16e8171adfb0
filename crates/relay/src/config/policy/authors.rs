//! Whom the relay takes events from, judged by more than a list, and to whom gift wraps may go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::normalize_relay_url;

use super::super::{ConfigError, in_range, parse_keys};

/// Keys that have published little here yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Newcomers {
    /// A key is new as long as the relay holds fewer events of it than this. 0: no key is new.
    #[schemars(range(max = 10000))]
    pub events: u32,
    /// Events that a new key may publish in an hour. 0: none.
    #[schemars(range(max = 3600))]
    pub per_hour: u32,
}

/// Authors near the operator in the graph of follows (kind 3). Members, and those on the allow list, are taken in any
/// case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Trust {
    /// The keys from which the graph is followed, as 64 hex digits or `npub1…`; empty: the rule is off.
    pub roots: Vec<String>,
    /// How many follows away an author may be: 1 is whom the roots follow, 2 whom these follow.
    #[schemars(range(min = 1, max = 4))]
    pub depth: u8,
    /// Followers among the keys nearer by that an author at the greatest distance must have.
    #[schemars(range(min = 1, max = 100))]
    pub followers: u32,
    /// Relays from which the graph is fetched when this one does not hold it yet.
    pub relays: Vec<String>,
    /// Keys in the graph at most; 1,000 to 10,000,000. Those nearest to the roots are kept.
    #[schemars(range(min = 1000, max = 10_000_000))]
    pub keys: usize,
}

/// Authors with a verified address (NIP-05) at certain domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nip05 {
    /// Only authors with an address at one of these domains may write; members, and those on the allow list, may in any
    /// case. Profiles (kind 0) and lists of relays (kind 10002) are taken from anyone, as the address is in the first.
    /// Empty: the rule is off.
    pub domains: Vec<String>,
    /// Hours until a verified address is asked for again.
    #[schemars(range(min = 1, max = 8760))]
    pub verified_hours: u64,
    /// Minutes until an address that the domain did not confirm is asked for again. A domain that could not be asked is
    /// asked again after a minute; an author whom it had verified counts as verified meanwhile, for `verified_hours` more.
    #[schemars(range(min = 1, max = 10080))]
    pub failed_minutes: u64,
}

/// To whom gift wraps (NIP-59) may be addressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recipients {
    /// `anyone`; `listed`: those whose list of relays for messages (kind 10050, NIP-17), stored here, names this relay,
    /// and members; `members`: members, and those on the allow list. Where only members may write, gift wraps to such
    /// recipients are taken whoever brings them. A gift wrap with several recipients, at most 8, needs all of them to be
    /// members, or all to have such a list.
    pub who: WhoReceives,
}

/// Who may be sent gift wraps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhoReceives {
    /// Anyone.
    #[default]
    Anyone,
    /// Who has listed this relay for messages, and members.
    Listed,
    /// Members, and those on the allow list.
    Members,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            depth: 2,
            followers: 1,
            relays: Vec::new(),
            keys: 500_000,
        }
    }
}

impl Default for Nip05 {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            verified_hours: 24,
            failed_minutes: 60,
        }
    }
}

impl Newcomers {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let key = "policy.newcomers.events";
        in_range(key, u64::from(self.events), 0..=10_000, true)?;
        let key = "policy.newcomers.per_hour";
        in_range(key, u64::from(self.per_hour), 0..=3_600, false)
    }
}

impl Trust {
    /// Checks keys, URLs and ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        parse_keys("policy.trust.roots", &self.roots)?;
        let no_relay = |url: &String| normalize_relay_url(url).is_none();
        if let Some(index) = self.relays.iter().position(no_relay) {
            return Err(ConfigError::new(
                format!("policy.trust.relays[{index}]"),
                "is no relay's URL",
            ));
        }
        in_range("policy.trust.depth", u64::from(self.depth), 1..=4, false)?;
        in_range(
            "policy.trust.followers",
            u64::from(self.followers),
            1..=100,
            false,
        )?;
        in_range(
            "policy.trust.keys",
            self.keys as u64,
            1_000..=10_000_000,
            false,
        )
    }
}

impl Nip05 {
    /// Checks the domains and the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let no_domain = |domain: &String| {
            !domain.contains('.') || domain.contains(['/', '@', ' ']) || domain.starts_with('.')
        };
        if let Some(index) = self.domains.iter().position(no_domain) {
            return Err(ConfigError::new(
                format!("policy.nip05.domains[{index}]"),
                "is no domain such as example.com",
            ));
        }
        in_range(
            "policy.nip05.verified_hours",
            self.verified_hours,
            1..=8_760,
            false,
        )?;
        in_range(
            "policy.nip05.failed_minutes",
            self.failed_minutes,
            1..=10_080,
            false,
        )
    }
}
