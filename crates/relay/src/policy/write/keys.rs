//! Rule `keys`: whose events are taken (R4.2, R3.1): not those of banned keys, and, where only some may write, theirs.

use std::collections::HashSet;
use std::sync::Arc;

use stentor_event::PublicKey;

use super::super::Verdict;
use super::recipients::recipients;
use super::{WriteRule, Writing};
use crate::config::{self, ConfigError, Who, WhoReceives, WriteRule as Name, parse_keys};

struct Keys {
    denied: HashSet<PublicKey>,
    /// Whether the configuration has an allow list.
    listed: bool,
    /// Whether rule `recipients` decides to whom gift wraps may go.
    recipients: bool,
}

/// The rule. What admins ban and allow can change at any time, so it is always there.
pub(super) fn rule(policy: &config::Policy) -> Result<Option<Arc<dyn WriteRule>>, ConfigError> {
    Ok(Some(Arc::new(Keys {
        denied: parse_keys("policy.keys.deny", &policy.keys.deny)?,
        listed: !policy.keys.allow.is_empty(),
        recipients: policy.recipients.who != WhoReceives::Anyone
            && policy.write.contains(&Name::Recipients),
    })))
}

impl WriteRule for Keys {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let (author, lists) = (writing.event.pubkey(), writing.standing.lists);
        if self.denied.contains(&author) {
            return Verdict::refuse("blocked: this key is banned here");
        }
        if lists.bars(writing.event) {
            return Verdict::refuse(if lists.bans(&author) {
                "blocked: this key is banned here"
            } else {
                "blocked: this event is banned here"
            });
        }
        let closed =
            self.listed || writing.entrance.write == Who::Members || lists.has_allow_list();
        if !closed || writing.standing.is_member(&author) || self.is_for_members(writing) {
            return Verdict::Pass;
        }
        Verdict::refuse("restricted: only members may write here")
    }
}

impl Keys {
    /// Whether this is a gift wrap (NIP-59), whose author is a key used once, to those who may get it here. Where rule
    /// `recipients` decides about that, it will.
    fn is_for_members(&self, writing: &Writing<'_>) -> bool {
        let are_members = |keys: Vec<PublicKey>| {
            let mut keys = keys.iter();
            keys.all(|key| writing.standing.is_member(key))
        };
        writing.event.kind().is_gift_wrap()
            && (self.recipients || recipients(writing.event).is_some_and(are_members))
    }
}
