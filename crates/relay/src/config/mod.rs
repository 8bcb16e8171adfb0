//! The `[relay]` section of the configuration.

mod access;
mod keys;
mod kinds;
mod limits;
mod marmot;
mod membership;
mod mirror;
mod moderation;
mod negentropy;
mod policy;
mod privacy;
mod queries;
mod rates;
mod retention;
mod search;
mod sync;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::PublicKey;
use stentor_event::normalize_relay_url;

pub use access::{Access, Admin, Entrance, ListenerAccess, Who};
pub use keys::parse_key;
pub(crate) use keys::parse_keys;
pub use kinds::{KindRange, KindSet};
pub use limits::{Limits, QueueOverflow};
pub use marmot::Marmot;
pub use membership::Membership;
pub use mirror::Mirror;
pub use moderation::{Moderation, Reporters};
pub use negentropy::Negentropy;
pub use policy::{
    Action, Addresses, AuthRule, Bursts, ConnectionRule, Keys, Kinds, Newcomers, Nip05, OnFailure,
    Plugin, Policy, RateRule, Recipients, Sizes, SourceType, Time, Trust, WhoReceives, Words, Work,
    WorkOfKinds, WriteRule,
};
pub use privacy::Privacy;
pub use queries::Queries;
pub use rates::{Rates, Scope};
pub use retention::{AuthorList, Retention, RetentionRule};
pub use search::Search;
pub use sync::Sync;

/// What the relay does and allows. Every key has a default, and every one can be changed while the relay runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The public URLs of this relay, such as `wss://relay.example.com`. AUTH (NIP-42) and requests to vanish (NIP-62)
    /// must name one of them. Without any, AUTH must name localhost or the address the connection came to.
    pub urls: Vec<String>,
    /// What the relay says about itself (NIP-11).
    pub info: Info,
    /// Sizes and numbers.
    pub limits: Limits,
    /// Rates.
    pub rates: Rates,
    /// What a query may cost.
    pub queries: Queries,
    /// Synchronisation with other relays.
    pub sync: Sync,
    /// Live streams from and to other relays, an entry for each. Entries that are added, changed or removed take effect on a
    /// reload (SIGHUP) without touching the others.
    pub mirror: Vec<Mirror>,
    /// Reconciliation of what the relay has with what a client or another relay has (NIP-77). NEG-OPEN counts as a REQ under
    /// `relay.rates`. What it costs to gather the events and to answer each NEG-MSG counts as rows: the answer to a NEG-MSG
    /// that comes before that is made up for is held back until then.
    pub negentropy: Negentropy,
    /// Who may use the relay, and who may manage it.
    pub access: Access,
    /// What is allowed and refused, rule by rule.
    pub policy: Policy,
    /// Membership (NIP-43): people join with an invite, and the relay says who is a member.
    pub membership: Membership,
    /// The queue of events that somebody should look at.
    pub moderation: Moderation,
    /// Marmot, which brings groups with end-to-end encryption (MLS) to Nostr.
    pub marmot: Marmot,
    /// Who may read what.
    pub privacy: Privacy,
    /// What is kept, and for how long. Nothing is removed without rules. Deletion requests (kind 5), requests to vanish (kind
    /// 62) and the relay's own events stay, whatever the rules say. What was removed is a new event when it comes again;
    /// `relay.policy.time.behind_seconds` keeps old events out.
    pub retention: Retention,
    /// Full-text search (NIP-50). It takes disk space of about a third of the text, the memory below, and a part of one core
    /// while events come in. Switching it off and `words` take effect on a reload, all else with a restart.
    pub search: Search,
    /// Seconds between two purges of expired events (NIP-40). Expired events are never served, purged or not.
    /// 0: no purge.
    pub purge_seconds: u64,
    /// Whether `/` shows a page to people.
    pub page: bool,
}

/// What the relay says about itself (NIP-11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Info {
    /// Its name; under 30 characters is best.
    pub name: String,
    /// What it is for, in plain text.
    pub description: String,
    /// Address of a banner picture.
    pub banner: Option<String>,
    /// Address of a square icon.
    pub icon: Option<String>,
    /// Public key of the person in charge, 64 lower-case hex digits.
    pub pubkey: Option<String>,
    /// How to reach them, as a URI such as `mailto:…`.
    pub contact: Option<String>,
    /// Address of the terms of service.
    pub terms_of_service: Option<String>,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("relay.{key}: {problem}")]
pub struct ConfigError {
    /// The key, dotted, below `relay`.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
}

impl ConfigError {
    /// An error about this key.
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            info: Info::default(),
            limits: Limits::default(),
            rates: Rates::default(),
            queries: Queries::default(),
            access: Access::default(),
            negentropy: Negentropy::default(),
            sync: Sync::default(),
            mirror: Vec::new(),
            policy: Policy::default(),
            membership: Membership::default(),
            moderation: Moderation::default(),
            marmot: Marmot::default(),
            privacy: Privacy::default(),
            retention: Retention::default(),
            search: Search::default(),
            purge_seconds: 60,
            page: true,
        }
    }
}

impl Default for Info {
    fn default() -> Self {
        Self {
            name: "Stentor".into(),
            description: "A Nostr relay.".into(),
            banner: None,
            icon: None,
            pubkey: None,
            contact: None,
            terms_of_service: None,
        }
    }
}

impl Config {
    /// Checks every value that its type alone does not.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.public_urls()?;
        if let Some(key) = &self.info.pubkey
            && PublicKey::from_hex(key.as_bytes()).is_none()
        {
            return Err(ConfigError::new(
                "info.pubkey",
                "not a key of 64 lower-case hex digits",
            ));
        }
        if self.info.name.chars().count() > 200 {
            return Err(ConfigError::new("info.name", "longer than 200 characters"));
        }
        self.limits.check()?;
        self.rates.check()?;
        self.queries.check()?;
        self.access.check()?;
        self.membership.check()?;
        self.moderation.check()?;
        self.marmot.check()?;
        self.negentropy.check()?;
        self.sync.check()?;
        mirror::check(&self.mirror)?;
        self.retention.check()?;
        self.search.check()?;
        self.policy.check()
    }

    /// The public URLs, normalised.
    ///
    /// # Errors
    /// When one of them is no `ws` or `wss` URL.
    pub fn public_urls(&self) -> Result<Vec<String>, ConfigError> {
        let normal = |(index, url): (usize, &String)| {
            normalize_relay_url(url)
                .filter(|url| url.starts_with("ws://") || url.starts_with("wss://"))
                .ok_or_else(|| {
                    ConfigError::new(format!("urls[{index}]"), "is no ws:// or wss:// URL")
                })
        };
        self.urls.iter().enumerate().map(normal).collect()
    }
}

/// Refuses a value outside a range; 0 passes when it means "off".
fn in_range(
    key: &str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
    zero_is_off: bool,
) -> Result<(), ConfigError> {
    if range.contains(&value) || (zero_is_off && value == 0) {
        return Ok(());
    }
    let off = if zero_is_off {
        ", or 0 for no limit"
    } else {
        ""
    };
    Err(ConfigError::new(
        key,
        format!(
            "{value} is not between {} and {}{off}",
            range.start(),
            range.end()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        Config::default().check().unwrap();
    }

    #[test]
    fn r4_5_defaults_are_those_required() {
        let config = Config::default();
        let limits = &config.limits;
        assert_eq!(
            (
                limits.connections,
                limits.connections_per_ip,
                limits.connections_unauthenticated
            ),
            (10_000, 100, 5_000)
        );
        assert_eq!(
            (limits.subscriptions, limits.subscriptions_node),
            (32, 100_000)
        );
        assert_eq!(
            (limits.filters, limits.limit, limits.tags),
            (16, 500, 4_000)
        );
        assert_eq!(
            (limits.tag_values, limits.ids, limits.authors),
            (256, 1_000, 1_000)
        );
        assert_eq!(
            (limits.event_bytes, limits.message_bytes),
            (256 * 1024, 512 * 1024)
        );
        assert_eq!(
            (limits.queue_frames, limits.queue_bytes),
            (1_024, 4 * 1024 * 1024)
        );
        let events = &config.rates.events;
        assert_eq!(
            (events.connection, events.ip, events.node),
            (120, 1_000, 10_000)
        );
        assert_eq!(
            (
                config.policy.time.ahead_seconds,
                config.policy.time.behind_seconds
            ),
            (900, 0)
        );
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let urls = vec!["https://relay.example.com/".into(), "nonsense".into()];
        let mut config = Config {
            urls,
            ..Config::default()
        };
        assert!(config.check().is_err());
        config.urls.clear();
        config.limits.filters = 70_000;
        assert_eq!(config.check().unwrap_err().key, "limits.filters");
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"limits":{"filers":3}}"#).is_err());
        let config: Config =
            serde_json::from_str(r#"{"limits":{"filters":3},"rates":{"events":{"connection":1,"ip":7,"key":0,"node":9}}}"#)
                .unwrap();
        assert_eq!(
            (
                config.limits.filters,
                config.rates.events.ip,
                config.rates.events.node
            ),
            (3, 7, 9)
        );
    }
}
