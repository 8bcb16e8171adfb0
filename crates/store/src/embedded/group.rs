//! The group of events being formed for the next commit.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use stentor_event::Event;

use super::batch::WriteBatch;
use super::decide::Leaving;
use super::key::Keys;
use super::log::{BatchBuffer, RecordKind, removal_body};
use super::pending::Pending;
use crate::{Committed, EventNumber, Outcome, Removal};

/// An entry of the change feed in the making.
pub struct FeedEntry {
    /// The event.
    pub number: u64,
    /// Where its record stands in the batch.
    pub at: u32,
    /// `None`: added.
    pub removal: Option<Removal>,
}

/// An outcome that waits for the commit.
pub struct Staged {
    batch: usize,
    place: usize,
    outcome: Outcome,
}

/// See the module.
#[derive(Default)]
pub struct Group {
    /// The records.
    pub buffer: BatchBuffer,
    /// What was accepted.
    pub pending: Pending,
    /// The feed entries, in order.
    pub feed: Vec<FeedEntry>,
    /// What is shown to the observer.
    pub shown: Vec<Committed>,
    /// Reader cursors to set.
    pub cursors: Vec<(String, u64)>,
    staged: Vec<Staged>,
}

impl Group {
    /// Adds an event that is to be stored and what leaves because of it.
    pub fn store(&mut self, event: &Event, keys: Keys, number: u64, leaving: &[Leaving]) {
        let at = self.buffer.push(RecordKind::Added, number, event.json());
        self.feed.push(FeedEntry {
            number,
            at,
            removal: None,
        });
        self.pending.add(event.clone(), keys, number);
        self.shown.push(Committed {
            number: Some(EventNumber(number)),
            event: event.clone(),
        });
        self.remove(leaving);
    }

    /// Adds removals.
    pub fn remove(&mut self, leaving: &[Leaving]) {
        let time_ms = now_ms();
        for gone in leaving {
            let body = removal_body(gone.cause, &gone.former, time_ms);
            let at = self.buffer.push(RecordKind::Removed, gone.number, &body);
            self.feed.push(FeedEntry {
                number: gone.number,
                at,
                removal: Some(gone.cause),
            });
            self.pending.remove(gone.number);
        }
    }

    /// Adds an ephemeral event, which is only shown.
    pub fn pass(&mut self, event: &Event) {
        self.shown.push(Committed {
            number: None,
            event: event.clone(),
        });
    }

    /// Notes the outcome of an event of a batch of this round.
    pub fn stage(&mut self, batch: usize, place: usize, outcome: Outcome) {
        self.staged.push(Staged {
            batch,
            place,
            outcome,
        });
    }

    /// Whether there is something to write.
    pub fn has_records(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Writes the staged outcomes into the rounds' lists; `failure` replaces them all.
    pub fn settle(&mut self, outcomes: &mut [Vec<Option<Outcome>>], failure: Option<&Outcome>) {
        for staged in self.staged.drain(..) {
            let slot = outcomes
                .get_mut(staged.batch)
                .and_then(|list| list.get_mut(staged.place));
            if let Some(slot) = slot {
                *slot = Some(failure.cloned().unwrap_or(staged.outcome));
            }
        }
    }

    /// Makes ready for the next group.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.pending.clear();
        self.feed.clear();
        self.shown.clear();
        self.cursors.clear();
        self.staged.clear();
    }
}

/// Unix milliseconds, to name the moment of a commit.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as u64)
}

/// The batches of one round of the committer, and what is known of their outcomes.
#[derive(Default)]
pub struct Round {
    /// The batches.
    pub batches: Vec<Arc<WriteBatch>>,
    /// One list for each batch, one slot for each event.
    pub outcomes: Vec<Vec<Option<Outcome>>>,
}

impl Round {
    /// Takes a batch in; returns its place.
    pub fn add(&mut self, batch: Arc<WriteBatch>) -> usize {
        self.outcomes.push(vec![None; batch.events.len()]);
        self.batches.push(batch);
        self.batches.len() - 1
    }

    /// Answers all submitters.
    pub fn answer(&mut self) {
        for (batch, outcomes) in self.batches.drain(..).zip(self.outcomes.drain(..)) {
            let lost = || {
                Outcome::Refused(crate::Refusal::Unavailable(
                    "the store is shutting down".to_owned(),
                ))
            };
            batch.answer(
                outcomes
                    .into_iter()
                    .map(|outcome| outcome.unwrap_or_else(lost))
                    .collect(),
            );
        }
    }
}
