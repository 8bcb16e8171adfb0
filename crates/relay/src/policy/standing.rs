//! How a key stands with the relay.

use std::collections::HashSet;

use stentor_event::PublicKey;

use crate::access::Lists;

/// How keys stand with the relay: what the configuration says, and what admins and members have done since.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// Keys that the configuration allows.
    pub(crate) allowed: &'a HashSet<PublicKey>,
    pub(crate) lists: &'a Lists,
}

impl Standing<'_> {
    /// Whether the key belongs to a member, to somebody on the allow list, or to an admin.
    pub(crate) fn is_member(&self, key: &PublicKey) -> bool {
        self.allowed.contains(key) || self.lists.admits(key)
    }
}
