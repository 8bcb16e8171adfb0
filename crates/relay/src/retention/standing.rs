//! The classes of authors that a relay knows: its members, and whom its web of trust reaches.

use std::sync::Weak;

use stentor_event::PublicKey;

use super::AuthorClasses;
use crate::state::State;

/// Members, and keys on the allow list.
const MEMBERS: &str = "members";
/// Whom the web of trust reaches (`relay.policy.trust`).
const TRUSTED: &str = "trusted";
/// The classes that rules can name beside the lists of the configuration.
pub const CLASSES: [&str; 2] = [MEMBERS, TRUSTED];

/// The classes as a running relay knows them.
pub(crate) struct Known {
    /// The relay holds nothing of retention, but whoever runs retention may outlive it.
    pub(crate) state: Weak<State>,
}

/// The classes where no relay runs: nobody knows who is in them, so rules that go by them wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unknown;

impl AuthorClasses for Known {
    fn names(&self) -> &[&'static str] {
        &CLASSES
    }

    /// Not before the web of trust is complete, if there is to be one: everybody would be a stranger.
    fn ready(&self) -> bool {
        self.state.upgrade().is_some_and(|state| {
            let off = state.settings().config.policy.trust.roots.is_empty();
            off || state.surroundings.trust.is_complete()
        })
    }

    fn contains(&self, class: &str, author: &PublicKey) -> bool {
        let Some(state) = self.state.upgrade() else {
            return false;
        };
        match class {
            MEMBERS => {
                let (settings, lists) = (state.settings(), state.lists());
                settings.standing(&lists).is_member(author)
            }
            TRUSTED => state.surroundings.trust.trusts(author) == Some(true),
            _ => false,
        }
    }
}

impl AuthorClasses for Unknown {
    fn names(&self) -> &[&'static str] {
        &CLASSES
    }

    fn ready(&self) -> bool {
        false
    }

    fn contains(&self, _class: &str, _author: &PublicKey) -> bool {
        false
    }
}
