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

    /// Not before the web of trust is known for good, if there is to be one: everybody would be a stranger.
    fn ready(&self) -> bool {
        self.state.upgrade().is_some_and(|state| {
            let off = state.settings().config.policy.trust.roots.is_empty();
            off || state.surroundings.trust.is_settled()
        })
    }

    fn contains(&self, class: &str, author: &PublicKey) -> Option<bool> {
        let state = self.state.upgrade()?;
        let settings = state.settings();
        match class {
            MEMBERS => {
                let lists = state.lists();
                Some(settings.standing(&lists).is_member(author))
            }
            TRUSTED if settings.config.policy.trust.roots.is_empty() => Some(false),
            TRUSTED => state.surroundings.trust.trusts_for_good(author),
            _ => Some(false),
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

    fn contains(&self, _class: &str, _author: &PublicKey) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_6_without_a_relay_nobody_is_a_stranger() {
        let gone = Known { state: Weak::new() };
        assert!(!gone.ready());
        for class in CLASSES {
            assert_eq!(gone.contains(class, &PublicKey([1; 32])), None);
            assert_eq!(Unknown.contains(class, &PublicKey([1; 32])), None);
        }
    }
}
