//! What search has to be told by others: whose name is verified, and what is spam.

use std::sync::Arc;

use stentor_event::{EventView, PublicKey};

use crate::query::BoxFuture;

/// Somebody who says to have a name (NIP-05), in a kind 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who says so.
    pub author: PublicKey,
    /// What stands before the `@`, in lower case; `_` is the domain's own.
    pub local: String,
    /// What stands behind it, in lower case.
    pub domain: String,
}

/// Finds out whose NIP-05 name holds. Implemented where the network is at hand, with a cache.
pub trait DomainVerifier: Send + Sync + 'static {
    /// Whether it is known by now that this author has a name at one of these domains (lower case). Asked for live events from
    /// the thread that commits: must not wait.
    fn is_verified(&self, author: &PublicKey, domains: &[String]) -> bool;

    /// Which of these claims hold, one answer each in the same order. May ask the network, within a time that the
    /// implementation sets; what is not known by then does not hold.
    fn verify<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<bool>>;
}

/// Tells spam from the rest. Asked for each hit and for live events: must be quick and must not wait.
pub trait SpamMarks: Send + Sync + 'static {
    /// Whether this event is marked as spam, itself or by its author.
    fn is_spam(&self, event: &EventView<'_>) -> bool;
}

/// Who is asked. What is absent is not supported: `domain:` is passed over then, as NIP-50 says, and nothing is spam.
#[derive(Clone, Default)]
pub struct Trust {
    /// For `domain:`.
    pub domains: Option<Arc<dyn DomainVerifier>>,
    /// For what is left out without `include:spam`.
    pub spam: Option<Arc<dyn SpamMarks>>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Trust");
        shown.field("domains", &self.domains.is_some());
        shown.field("spam", &self.spam.is_some()).finish()
    }
}
