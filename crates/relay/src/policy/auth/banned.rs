//! Rule `banned`: keys that are banned prove nothing here.

use std::collections::HashSet;

use stentor_event::PublicKey;

use crate::access::Lists;

/// The deny list of the configuration; what admins have banned comes from the lists.
pub(super) struct Banned {
    pub(super) denied: HashSet<PublicKey>,
}

impl Banned {
    pub(super) fn admit(&self, key: &PublicKey, lists: &Lists) -> Result<(), String> {
        if self.denied.contains(key) || lists.bans(key) {
            return Err("restricted: this key is banned here".into());
        }
        Ok(())
    }
}
