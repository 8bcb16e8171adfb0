//! The policy pipeline (R4.1): whatever the relay allows or refuses, beyond what the protocol itself demands and who may
//! *read* what (the visibility rule of `stentor-event`), is decided by a small rule in here.
//!
//! There are four stages, each an ordered list of rules that the configuration names:
//!
//! * [`connection`]: may this client connect?
//! * [`auth`]: may this key be proven, and must one be proven for this?
//! * [`mod@write`]: is this event taken? What the protocol demands comes first and has no switch.
//! * [`rate`]: is it too fast?
//!
//! A stage is compiled from the configuration when it is loaded; a rule that has nothing to refuse is left out then. At a
//! reload, a rule whose section has not changed stays the same object, with what it remembers. Every rule counts what it
//! refuses under its name, and every refusal has a reason in words.
//!
//! Rules about events are asked one after the other on the connection's own thread. A rule that has to wait for somebody
//! (a plugin, a web server) says so; the event is then put aside, with its signature verified first, and goes on from
//! there when the answer has come, while those behind it pass.

pub(crate) mod auth;
pub(crate) mod connection;
pub(crate) mod rate;
mod standing;
mod tally;
mod verdict;
pub(crate) mod write;

use std::collections::HashSet;
use std::sync::Arc;

use stentor_event::PublicKey;

use crate::config::{Config, ConfigError, parse_keys};
use crate::state::Surroundings;

pub(crate) use standing::Standing;
pub(crate) use tally::Tally;
pub(crate) use verdict::{Rejection, Verdict};
pub use write::Source;
use write::{Judgement, Writing, protocol};

/// The compiled policy.
pub(crate) struct Policy {
    pub(crate) connection: connection::Stage,
    pub(crate) auth: auth::Stage,
    pub(crate) write: Arc<write::Stage>,
    /// Keys that the configuration allows: the allow list, and those who manage the relay.
    pub(crate) allowed: HashSet<PublicKey>,
}

impl Policy {
    /// Compiles the policy; rules whose section is as it was `before` stay what they were.
    pub(crate) fn new(
        config: &Config,
        surroundings: &Surroundings,
        before: Option<(&Config, &Self)>,
    ) -> Result<Self, ConfigError> {
        let policy = &config.policy;
        let mut allowed = parse_keys("policy.keys.allow", &policy.keys.allow)?;
        let admins = config.access.admins.iter().map(|admin| admin.key.clone());
        let admins: Vec<String> = admins.collect();
        allowed.extend(parse_keys("access.admins", &admins)?);
        Ok(Self {
            connection: connection::Stage::new(policy)?,
            auth: auth::Stage::new(policy)?,
            write: Arc::new(write::Stage::new(config, surroundings, before)?),
            allowed,
        })
    }

    /// Judges an event whose id is right.
    pub(crate) fn judge(&self, writing: &Writing<'_>) -> Judgement {
        match protocol::judge(writing) {
            protocol::Outcome::PassesAll => return Judgement::Taken(Vec::new()),
            protocol::Outcome::Refused(rejection) => return Judgement::Refused(rejection),
            protocol::Outcome::Subject => {}
        }
        match self.auth.may_write(writing.keys, writing.entrance) {
            Ok(()) => self.write.go_on(writing, 0, Vec::new()),
            Err(reason) => Judgement::Refused(Rejection::refused(reason)),
        }
    }
}
