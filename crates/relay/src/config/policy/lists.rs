//! Allow and deny lists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_net::client::Cidr;

use super::super::{ConfigError, KindSet, parse_keys};

/// Client addresses. A denied one is denied even if a wider network is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Addresses {
    /// Only clients at these addresses and networks (CIDR) may connect. Empty: all may.
    pub allow: Vec<String>,
    /// Clients at these addresses and networks may not.
    pub deny: Vec<String>,
}

/// Authors of events, as 64 lower-case hex digits or `npub1…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// Only these keys may write, beside members and those whom an admin has allowed. Empty, and none allowed by an
    /// admin: all may.
    pub allow: Vec<String>,
    /// These keys may not write, and prove nothing with AUTH.
    pub deny: Vec<String>,
}

/// Kinds of events: numbers, and ranges such as `"30000-39999"`. Deletions (kind 5) and requests to vanish are not
/// subject to the list of allowed kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kinds {
    /// Only these kinds are taken. Empty, and none allowed by an admin: all are.
    pub allow: KindSet,
    /// These kinds are not taken.
    pub deny: KindSet,
}

impl Addresses {
    /// Checks that all entries are networks.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.networks().map(drop)
    }

    /// The allowed and the denied networks.
    ///
    /// # Errors
    /// The first entry that is no address and no network.
    pub fn networks(&self) -> Result<(Vec<Cidr>, Vec<Cidr>), ConfigError> {
        Ok((
            networks("policy.addresses.allow", &self.allow)?,
            networks("policy.addresses.deny", &self.deny)?,
        ))
    }
}

impl Keys {
    /// Checks that all entries are keys.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        parse_keys("policy.keys.allow", &self.allow)?;
        parse_keys("policy.keys.deny", &self.deny).map(drop)
    }
}

/// Reads a list of networks; `at` is the dotted key of the list.
fn networks(at: &str, list: &[String]) -> Result<Vec<Cidr>, ConfigError> {
    let one = |(index, text): (usize, &String)| {
        text.parse()
            .map_err(|error| ConfigError::new(format!("{at}[{index}]"), format!("{error}")))
    };
    list.iter().enumerate().map(one).collect()
}
