//! The policy: which rules there are, in which order they are asked, and what each one allows (R4.1, R4.2).

mod authors;
mod content;
mod lists;
mod plugins;
mod shape;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;

pub use authors::{Newcomers, Nip05, Recipients, Trust, WhoReceives};
pub use content::{Action, Bursts, Words};
pub use lists::{Addresses, Keys, Kinds};
pub use plugins::{OnFailure, Plugin, SourceType};
pub use shape::{Sizes, Time, Work, WorkOfKinds};

/// Which rules are asked, in which order, and what each of them allows. A rule that is not in the list of its stage is
/// not asked; one that has nothing to refuse costs nothing. What the protocol itself demands has no switch. Requests to
/// vanish (NIP-62) pass every rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Rules about who may connect, in the order they are asked.
    pub connection: Vec<ConnectionRule>,
    /// Rules about who must prove a key, and which keys may be proven.
    pub auth: Vec<AuthRule>,
    /// Rules about which events are taken.
    pub write: Vec<WriteRule>,
    /// Whose rate is taken from first. The rates themselves are in `relay.rates`.
    pub rate: Vec<RateRule>,
    /// Rule `addresses`: client addresses.
    pub addresses: Addresses,
    /// Rule `keys`: authors.
    pub keys: Keys,
    /// Rule `kinds`: kinds of events.
    pub kinds: Kinds,
    /// Rule `time`: how far `created_at` may be from now.
    pub time: Time,
    /// Rule `sizes`: sizes of events, beside those in `relay.limits`.
    pub sizes: Sizes,
    /// Rule `work`: proof of work (NIP-13).
    pub work: Work,
    /// Rule `words`: words and addresses that events must not contain.
    pub words: Words,
    /// Rule `bursts`: nearly the same text again and again.
    pub bursts: Bursts,
    /// Rule `newcomers`: keys that have published little here yet.
    pub newcomers: Newcomers,
    /// Rule `trust`: authors near the operator in the graph of follows.
    pub trust: Trust,
    /// Rule `nip05`: authors with an address at certain domains.
    pub nip05: Nip05,
    /// Rule `recipients`: to whom gift wraps (NIP-59) may be addressed.
    pub recipients: Recipients,
    /// Rule `plugins`: programs of the operator's that decide, by strfry's protocol.
    pub plugins: Vec<Plugin>,
}

/// A rule about connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionRule {
    /// `relay.policy.addresses`, and what an admin has blocked.
    Addresses,
    /// `relay.limits.connections_unauthenticated`.
    Unauthenticated,
}

/// A rule about proven keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthRule {
    /// Keys that are banned prove nothing here.
    Banned,
    /// `relay.access`: who must have proven a key to read and to write.
    Required,
}

/// A rule about events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteRule {
    /// `relay.policy.time`.
    Time,
    /// `relay.policy.keys`, `relay.access.write`, and what an admin has banned or allowed.
    Keys,
    /// `relay.policy.kinds`, and what an admin has allowed or disallowed.
    Kinds,
    /// `relay.policy.sizes`.
    Sizes,
    /// `relay.policy.work`.
    Work,
    /// `relay.marmot`.
    Marmot,
    /// `relay.policy.words`.
    Words,
    /// `relay.policy.bursts`.
    Bursts,
    /// `relay.policy.trust`.
    Trust,
    /// `relay.policy.recipients`.
    Recipients,
    /// `relay.policy.newcomers`.
    Newcomers,
    /// `relay.policy.nip05`.
    Nip05,
    /// `relay.policy.plugins`.
    Plugins,
}

/// Whose rate is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RateRule {
    /// The connection's.
    Connection,
    /// The client address's.
    Ip,
    /// The first key's that the connection has proven.
    Key,
    /// The node's.
    Node,
}

impl Default for Policy {
    fn default() -> Self {
        use {AuthRule as A, ConnectionRule as C, RateRule as R, WriteRule as W};
        Self {
            connection: vec![C::Addresses, C::Unauthenticated],
            auth: vec![A::Banned, A::Required],
            write: vec![
                W::Time,
                W::Keys,
                W::Kinds,
                W::Sizes,
                W::Work,
                W::Marmot,
                W::Words,
                W::Bursts,
                W::Trust,
                W::Recipients,
                W::Newcomers,
                W::Nip05,
                W::Plugins,
            ],
            rate: vec![R::Connection, R::Ip, R::Key, R::Node],
            addresses: Addresses::default(),
            keys: Keys::default(),
            kinds: Kinds::default(),
            time: Time::default(),
            sizes: Sizes::default(),
            work: Work::default(),
            words: Words::default(),
            bursts: Bursts::default(),
            newcomers: Newcomers::default(),
            trust: Trust::default(),
            nip05: Nip05::default(),
            recipients: Recipients::default(),
            plugins: Vec::new(),
        }
    }
}

impl Policy {
    /// Checks every value that its type alone does not.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        once("policy.connection", &self.connection)?;
        once("policy.auth", &self.auth)?;
        once("policy.write", &self.write)?;
        once("policy.rate", &self.rate)?;
        self.addresses.check()?;
        self.keys.check()?;
        self.time.check()?;
        self.work.check()?;
        self.words.check()?;
        self.bursts.check()?;
        self.newcomers.check()?;
        self.trust.check()?;
        self.nip05.check()?;
        plugins::check(&self.plugins)
    }
}

/// Refuses a list that names a rule twice.
fn once<T: std::hash::Hash + Eq>(at: &str, rules: &[T]) -> Result<(), ConfigError> {
    let distinct: std::collections::HashSet<&T> = rules.iter().collect();
    if distinct.len() == rules.len() {
        return Ok(());
    }
    Err(ConfigError::new(at, "names a rule twice"))
}
