//! The configuration of who may ask: `[auth]`.

mod introspection;
mod issuers;
mod limits;
mod nostr;
#[cfg(test)]
mod tests;
mod tokens;

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Scope, Scopes};

pub use introspection::Introspection;
pub use issuers::Issuer;
pub(crate) use issuers::Mapping;
pub use limits::Limits;
pub use nostr::{Nostr, NostrKey};
pub use tokens::Tokens;

/// Who may use the API and the streams, and how they show who they are. API keys and tenants are not configured here but made by
/// `stentor admin`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What anybody may do without any credential. Empty: nothing; every request needs one.
    pub public: Vec<Scope>,
    /// Tokens that this node issues itself.
    pub tokens: Tokens,
    /// Issuers whose signed tokens (JWT) are accepted.
    pub issuers: Vec<Issuer>,
    /// The service that is asked about tokens that are not signed.
    pub introspection: Introspection,
    /// Nostr keys that sign their requests (NIP-98).
    pub nostr: Nostr,
    /// How much there may be of things.
    pub limits: Limits,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("auth.{key}: {problem}")]
pub struct ConfigError {
    /// The key, dotted, below `auth`.
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

impl Config {
    /// Checks every value that its type alone does not. Files are read and addresses admitted when an
    /// [`Authenticator`](crate::Authenticator) is made.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.public.contains(&Scope::Admin) {
            return Err(ConfigError::new("public", "admin is not for anybody"));
        }
        self.tokens.check()?;
        issuers::check(&self.issuers, &self.tokens)?;
        self.introspection.check()?;
        self.nostr.check()?;
        self.limits.check()
    }

    /// What anybody may do.
    pub fn public(&self) -> Scopes {
        self.public.iter().copied().collect()
    }
}

/// Refuses a number outside a range; 0 passes where it means "no limit".
fn in_range(
    key: &str,
    value: u64,
    range: RangeInclusive<u64>,
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
    let (from, to) = range.into_inner();
    Err(ConfigError::new(
        key,
        format!("{value} is not between {from} and {to}{off}"),
    ))
}
