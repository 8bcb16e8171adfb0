//! The second stage: which keys may be proven (NIP-42), and what needs a proven key.

mod banned;
mod required;

use stentor_auth::Keys;
use stentor_event::PublicKey;

use super::{Standing, Tally};
use crate::config::{self, AuthRule, ConfigError, Entrance, parse_keys};

/// The rules of the stage.
pub(crate) struct Stage {
    rules: Vec<(Rule, Tally)>,
}

enum Rule {
    Banned(banned::Banned),
    Required,
}

impl Stage {
    pub(super) fn new(policy: &config::Policy) -> Result<Self, ConfigError> {
        let rule = |name: &AuthRule| {
            Ok(match name {
                AuthRule::Banned => {
                    let denied = parse_keys("policy.keys.deny", &policy.keys.deny)?;
                    let rule = Rule::Banned(banned::Banned { denied });
                    (rule, Tally::new("auth", "banned"))
                }
                AuthRule::Required => (Rule::Required, Tally::new("auth", "required")),
            })
        };
        let rules = policy.auth.iter().map(rule);
        Ok(Self {
            rules: rules.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Whether this key may be proven.
    ///
    /// # Errors
    /// The reason, with its NIP-01 prefix.
    pub(crate) fn admit(&self, key: &PublicKey, standing: Standing<'_>) -> Result<(), String> {
        self.each(|rule| match rule {
            Rule::Banned(banned) => banned.admit(key, standing.lists),
            Rule::Required => Ok(()),
        })
    }

    /// Whether a connection that has proven these keys may read here.
    ///
    /// # Errors
    /// The reason, with its NIP-01 prefix.
    pub(crate) fn may_read(
        &self,
        keys: &Keys,
        entrance: Entrance,
        standing: Standing<'_>,
    ) -> Result<(), String> {
        self.each(|rule| match rule {
            Rule::Banned(_) => Ok(()),
            Rule::Required => required::read(keys, entrance.read, standing),
        })
    }

    /// Whether a connection that has proven these keys may write here, as far as that depends on them.
    ///
    /// # Errors
    /// The reason, with its NIP-01 prefix.
    pub(crate) fn may_write(&self, keys: &Keys, entrance: Entrance) -> Result<(), String> {
        self.each(|rule| match rule {
            Rule::Banned(_) => Ok(()),
            Rule::Required => required::write(keys, entrance.write),
        })
    }

    /// Whether reading and writing here need a proven key, for the information document.
    pub(crate) fn requires(&self, entrance: Entrance) -> (bool, bool) {
        let asked = self
            .rules
            .iter()
            .any(|(rule, _)| matches!(rule, Rule::Required));
        let (read, write) = required::needs(entrance);
        (asked && read, asked && write)
    }

    fn each(&self, ask: impl Fn(&Rule) -> Result<(), String>) -> Result<(), String> {
        for (rule, tally) in &self.rules {
            ask(rule).inspect_err(|_| tally.refused())?;
        }
        Ok(())
    }
}
