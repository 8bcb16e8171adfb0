//! Web of trust (R4.2): whom the operator's keys follow, whom these follow, and so on.
//!
//! [`graph`] is the graph itself and pure. A service ([`reader`]) fills it from the contact lists (kind 3) in the store,
//! keeps it from the change feed, and, where the store has no list of a root yet, fetches what it needs from other relays
//! ([`bootstrap`]). Rule `trust` of the policy asks [`TrustGraph`], which changes as a whole.

mod bootstrap;
mod graph;
mod reader;

use std::sync::Arc;

use arc_swap::ArcSwap;
use stentor_event::PublicKey;

pub(crate) use graph::Reach;
pub(crate) use reader::keep;

/// Who is trusted at this moment.
#[derive(Default)]
pub(crate) struct TrustGraph {
    reach: ArcSwap<Option<Reach>>,
}

impl TrustGraph {
    /// Whether the key is near enough; `None` while that is not known yet.
    pub(crate) fn trusts(&self, key: &PublicKey) -> Option<bool> {
        let reach = self.reach.load();
        let reach = Option::as_ref(&reach)?;
        match (reach.contains(key), reach.complete) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Whether it is known for good who is trusted: all lists that matter have been read, and one of a root is among them.
    /// What cannot be undone has to wait for that.
    pub(crate) fn is_settled(&self) -> bool {
        let reach = self.reach.load();
        Option::as_ref(&reach).is_some_and(Reach::is_settled)
    }

    /// Whether the key is near enough; `None` while that is not known for good.
    pub(crate) fn trusts_for_good(&self, key: &PublicKey) -> Option<bool> {
        let reach = self.reach.load();
        let reach = Option::as_ref(&reach).filter(|reach| reach.is_settled())?;
        Some(reach.contains(key))
    }

    /// Replaces what is known.
    pub(crate) fn set(&self, reach: Option<Reach>) {
        self.reach.store(Arc::new(reach));
    }
}
