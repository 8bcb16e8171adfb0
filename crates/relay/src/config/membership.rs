//! Membership (NIP-43).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, in_range};

/// Membership (NIP-43): people join with an invite, and the relay says who is a member. What members may do is said in
/// `relay.access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Membership {
    /// Whether people can join and leave by themselves, and ask for invites.
    pub enabled: bool,
    /// Whether the relay publishes who is a member (kind 13534), who comes and goes (kinds 8000 and 8001), and which
    /// roles there are (kind 33534).
    pub publish: bool,
    /// Members named in the published list at most; it has to fit into one event.
    #[schemars(range(max = 2000))]
    pub published_members: usize,
    /// The ids of the roles whose members may ask for invites (kind 28935), beside the admins.
    pub invite_roles: Vec<String>,
    /// Hours for which an invite lasts. 0: for ever.
    #[schemars(range(max = 87600))]
    pub invite_hours: u64,
    /// How many may join by one invite. 0: any number.
    pub invite_uses: u64,
    /// Open invites that one key may have. 0: any number.
    pub invites_per_key: u64,
}

impl Default for Membership {
    fn default() -> Self {
        Self {
            enabled: false,
            publish: true,
            published_members: 1_000,
            invite_roles: Vec::new(),
            invite_hours: 168,
            invite_uses: 1,
            invites_per_key: 10,
        }
    }
}

impl Membership {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range(
            "membership.published_members",
            self.published_members as u64,
            0..=2_000,
            true,
        )?;
        in_range(
            "membership.invite_hours",
            self.invite_hours,
            0..=87_600,
            true,
        )
    }
}
