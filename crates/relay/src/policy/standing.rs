//! How a key stands with the relay.

use std::collections::HashSet;

use stentor_event::PublicKey;

use crate::access::Lists;

/// How keys stand with the relay: what the configuration says, and what admins and members have done since.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// Keys that the configuration allows.
    pub(crate) allowed: &'a HashSet<PublicKey>,
    /// Keys that the configuration denies.
    pub(crate) denied: &'a HashSet<PublicKey>,
    pub(crate) lists: &'a Lists,
}

impl Standing<'_> {
    /// Whether the key belongs to a member, to somebody on the allow list, or to an admin, and is not banned.
    pub(crate) fn is_member(&self, key: &PublicKey) -> bool {
        (self.allowed.contains(key) || self.lists.admits(key)) && !self.bans(key)
    }

    /// Whether the key is banned, by the configuration or by an admin.
    pub(crate) fn bans(&self, key: &PublicKey) -> bool {
        self.denied.contains(key) || self.lists.bans(key)
    }
}
