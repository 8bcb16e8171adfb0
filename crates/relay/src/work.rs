//! What is in progress on a connection.

use crate::message::{Counts, Events, Invites, Negs, Scans};

/// What is in progress on a connection.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) events: Events,
    pub(crate) counts: Counts,
    pub(crate) invites: Invites,
    pub(crate) scans: Scans,
    pub(crate) negs: Negs,
}

impl Work {
    /// Whether nothing is in progress.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.counts.is_empty()
            && self.scans.is_empty()
            && self.invites.is_empty()
            && self.negs.is_empty()
    }

    /// Ends what only reads.
    pub(crate) fn end_queries(&mut self) {
        self.counts = Counts::default();
        self.invites = Invites::default();
        self.scans = Scans::default();
        self.negs = Negs::default();
    }
}
