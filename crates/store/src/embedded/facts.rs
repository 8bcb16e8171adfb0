//! What decisions need to know: look-ups over what is stored and what is about to be.

use stentor_event::{Event, EventId, Kind, PublicKey};

use super::core::Core;
use super::decide::Leaving;
use super::key::Key;
use super::pending::Pending;
use super::run::{Row, Run};
use super::state::Snapshot;
use crate::Removal;

/// An event that was found.
pub struct Found {
    /// Its number.
    pub number: u64,
    /// The event.
    pub event: Event,
}

/// The store as a decision sees it: a snapshot, and what the group being formed changes.
pub struct Facts<'a> {
    /// The shared parts.
    pub core: &'a Core,
    /// What is committed.
    pub snapshot: &'a Snapshot,
    /// What is about to be.
    pub pending: &'a Pending,
    /// Stored events below this number need not be looked at; those that share a run with later ones are nevertheless.
    pub from: u64,
}

impl<'a> Facts<'a> {
    /// Everything that is stored or about to be.
    pub fn new(core: &'a Core, snapshot: &'a Snapshot, pending: &'a Pending) -> Self {
        Self {
            core,
            snapshot,
            pending,
            from: 0,
        }
    }

    /// A found event leaves.
    pub fn leaving(&self, found: &Found, cause: Removal) -> Leaving {
        Leaving::new(found.number, &found.event, cause, &self.core.keys)
    }

    fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        let runs = self.snapshot.state.runs.iter();
        runs.filter(|placed| placed.until.next_number > self.from)
            .map(|placed| &*placed.run)
    }

    /// The event with this id.
    pub fn by_id(&self, id: &EventId) -> Option<Found> {
        if let Some(pending) = self.pending.by_id(id) {
            return Some(Found {
                number: pending.number,
                event: pending.event.clone(),
            });
        }
        let leading = super::run::leading(&id.0);
        self.runs().rev().find_map(|run| {
            let ranks = run.ranks_of_id(leading);
            ranks
                .iter()
                .filter_map(|rank| run.row(*rank))
                .find_map(|row| {
                    let found = self.stored(row)?;
                    (found.event.id() == *id).then_some(found)
                })
        })
    }

    /// Whether there is an event with this id.
    pub fn has(&self, id: &EventId) -> bool {
        self.by_id(id).is_some()
    }

    /// The events under a key, in no order, for which `filter` holds, judged by their rows first.
    pub fn under(&self, key: Key, mut wanted: impl FnMut(&Row) -> bool) -> Vec<Found> {
        let mut found = Vec::new();
        let kind = key.kind_of();
        for run in self.runs().filter(|run| run.may_have(kind)) {
            let rows = run.postings(key).iter().filter_map(|rank| run.row(*rank));
            found.extend(
                rows.filter(|row| wanted(row))
                    .filter_map(|row| self.stored(row)),
            );
        }
        for pending in self.pending.under(key) {
            if wanted(&Row::new(&pending.event.view(), pending.number)) {
                found.push(Found {
                    number: pending.number,
                    event: pending.event.clone(),
                });
            }
        }
        found
    }

    /// Everything of an author, of all kinds.
    pub fn by_author(
        &self,
        author: &PublicKey,
        mut wanted: impl FnMut(&Row) -> bool,
    ) -> Vec<Found> {
        let low = self.core.keys.author(author, Kind(0));
        let high = low.with_kind(Kind(u16::MAX));
        let mut found = Vec::new();
        for run in self.runs() {
            for (key, _) in run.keys_between(low, high) {
                let rows = run.postings(key).iter().filter_map(|rank| run.row(*rank));
                found.extend(
                    rows.filter(|row| wanted(row))
                        .filter_map(|row| self.stored(row)),
                );
            }
        }
        for pending in self
            .pending
            .staying()
            .filter(|pending| pending.event.pubkey() == *author)
        {
            if wanted(&Row::new(&pending.event.view(), pending.number)) {
                found.push(Found {
                    number: pending.number,
                    event: pending.event.clone(),
                });
            }
        }
        found
    }

    fn stored(&self, row: &Row) -> Option<Found> {
        if self.pending.is_removed(row.number) {
            return None;
        }
        let json = self.snapshot.event(self.core, row.number)?;
        let event = Event::from_canonical(json).ok()?;
        Some(Found {
            number: row.number,
            event,
        })
    }
}
