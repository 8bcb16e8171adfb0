//! The naive model of an event store: a list of events, scanned from end to end for every question.
//!
//! It is written from the specification alone and shares no decision code with the [embedded](crate::embedded) engine, so
//! that the two can be compared. It is small enough to be checked by reading, and far too slow for anything but tests.
//!
//! # What happens to a submitted event
//!
//! The events of a batch are judged one after the other, each in the state its predecessors left. The first of these that
//! applies decides (R1.3):
//!
//! 1. kind 22242: [`NeverStored`](Refusal::NeverStored);
//! 2. a stored deletion request (kind 5) of its author names its id, or its address and a time no earlier than its own;
//!    or one of a `p`-tagged recipient names the id of a gift wrap (1059): [`Deleted`](Refusal::Deleted). Kinds 5 and 62
//!    cannot be deleted;
//! 3. a stored request to vanish (kind 62) that concerns this store, of its author or of a `p`-tagged recipient of a gift
//!    wrap (1059), is no older than the event: [`Vanished`](Refusal::Vanished). Kind 62 is exempt;
//! 4. its expiration is not after `now`: [`Expired`](Refusal::Expired);
//! 5. it is stored: [`Duplicate`](Outcome::Duplicate);
//! 6. with [`Keep::Current`], a version of it that wins is stored: [`Superseded`](Refusal::Superseded);
//! 7. its signature is wrong: [`BadSignature`](Refusal::BadSignature);
//! 8. its kind is ephemeral: [`Ephemeral`](Outcome::Ephemeral), shown to the observer;
//! 9. else it is [`Stored`](Outcome::Stored).
//!
//! What the operator has [removed](EventStore::remove) is gone, but no reason to refuse anything: bans are policy, which
//! speaks before the store is asked.
//!
//! "Stored" means: not removed. A stored event that has expired still counts in all of the above until
//! [`Store::purge`] removes it. Kinds 5 and 62 are never purged (they stop being served when they expire), so that what
//! they forbid stays forbidden.
//!
//! # The change feed
//!
//! A stored event appends its `Added` entry; the removals it causes follow directly, by ascending event number. (Where an
//! engine cannot commit very many removals at once, those of one event may come before it instead.) Causes do not overlap: a deletion request or a request to vanish replaces nothing. A purge and the operator's removals append
//! their entries by ascending event number too. Only what is there is removed, so an event has one `Removed` entry at
//! most.
//!
//! # The answer of a scan
//!
//! See [`answer`]. Expired events are invisible from the moment [`Query::now`](crate::Query::now) reaches
//! their expiration, purged or not.

mod answer;
mod facts;
mod feed;
mod outline;
mod rules;
mod scan;
mod state;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, MutexGuard};
use stentor_event::{EventId, Filter, PublicKey, Timestamp, Viewer};
use tokio::sync::watch;

use self::facts::Facts;
use self::outline::MemoryOutlines;
use self::scan::MemoryScan;
use self::state::State;
use crate::observers::Observers;
use crate::query::BoxFuture;
use crate::{
    Change, CommitObserver, Committed, Count, EventNumber, EventStore, Explanation, Keep, Outcome,
    OutlineQuery, OutlineScan, PartyTag, Query, Refusal, RelayScope, Scan, Seq, Statistics,
    StoreError, StoredEvent, Submission,
};

/// The naive store; see the module. Nothing outlives it.
pub struct Store {
    /// Taken for the whole of a write, so that the observers hear of commits in their order.
    writer: Mutex<()>,
    observers: Observers,
    state: Arc<Mutex<State>>,
}

impl Store {
    /// An empty store.
    pub fn new(keep: Keep, scope: RelayScope) -> Self {
        Self {
            writer: Mutex::new(()),
            observers: Observers::new(Seq(0)),
            state: Arc::new(Mutex::new(State::new(keep, scope))),
        }
    }

    /// Removes the events whose expiration is not after `now`. Returns how many there were.
    pub fn purge(&self, now: Timestamp) -> u64 {
        let _order = self.writer.lock();
        let removed = self.state().purge(now, clock_ms());
        self.observers.moved(self.state().last_seq());
        removed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn submit_all(
        &self,
        batch: Vec<Submission>,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, StoreError> {
        let _order = self.writer.lock();
        let mut committed = Vec::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        {
            let mut state = self.state();
            if state.closed {
                return Err(StoreError::Closed);
            }
            for submission in batch {
                let event = submission.event.clone();
                let outcome = take_in(&mut state, submission, now);
                match outcome {
                    Outcome::Stored(number) => committed.push(Committed {
                        number: Some(number),
                        event,
                    }),
                    Outcome::Ephemeral => committed.push(Committed {
                        number: None,
                        event,
                    }),
                    Outcome::Duplicate | Outcome::Refused(_) => {}
                }
                outcomes.push(outcome);
            }
        }
        self.observers.moved(self.state().last_seq());
        self.observers.show(&committed);
        Ok(outcomes)
    }
}

/// One event; see the module for the order of the decisions.
fn take_in(state: &mut State, submission: Submission, now: Timestamp) -> Outcome {
    let facts = Facts::of(&submission.event);
    if let Some(outcome) = rules::judge(state, &facts, now) {
        return outcome;
    }
    if !submission.verified && submission.event.verify_signature().is_err() {
        return Outcome::Refused(Refusal::BadSignature);
    }
    if facts.kind.is_ephemeral() {
        return Outcome::Ephemeral;
    }
    Outcome::Stored(state.store(submission.event, facts, clock_ms()))
}

/// The moment of a commit, in Unix milliseconds.
fn clock_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

impl EventStore for Store {
    fn submit(
        &self,
        batch: Vec<Submission>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, StoreError>> {
        Box::pin(async move { self.submit_all(batch, now) })
    }

    fn next_number(&self) -> EventNumber {
        self.state().next_number()
    }

    fn scan(&self, query: Query) -> Box<dyn Scan> {
        let begin = self.state().next_number();
        Box::new(MemoryScan::new(Arc::clone(&self.state), query, begin))
    }

    fn outline(&self, query: OutlineQuery) -> Box<dyn OutlineScan> {
        let begin = self.state().next_number();
        Box::new(MemoryOutlines::new(Arc::clone(&self.state), &query, begin))
    }

    fn fetch<'a>(
        &'a self,
        numbers: &'a [EventNumber],
        through: &'a Filter,
        viewer: &'a Viewer,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(async move { Ok(answer::fetch(&self.state(), numbers, through, viewer, now)) })
    }

    fn numbers<'a>(
        &'a self,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<Option<EventNumber>>, StoreError>> {
        Box::pin(async move {
            let state = self.state();
            Ok(ids.iter().map(|id| state.number(id)).collect())
        })
    }

    fn count<'a>(
        &'a self,
        query: &'a Query,
        viewer: &'a Viewer,
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        Box::pin(async move { Ok(answer::count(&self.state(), query, viewer)) })
    }

    fn explain(&self, query: &Query) -> Explanation {
        scan::explain(query)
    }

    fn changes<'a>(
        &'a self,
        after: Seq,
        limit: usize,
        viewer: &'a Viewer,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Change>, StoreError>> {
        Box::pin(async move { Ok(feed::changes(&self.state(), after, limit, viewer, now)) })
    }

    fn party_tag(&self, key: &PublicKey) -> PartyTag {
        feed::party_tag(key)
    }

    fn last_seq(&self) -> Seq {
        self.state().last_seq()
    }

    fn cursor(&self, reader: &str) -> Option<Seq> {
        self.state().cursors.get(reader).copied()
    }

    fn set_cursor<'a>(
        &'a self,
        reader: &'a str,
        seq: Seq,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut state = self.state();
            if state.closed {
                return Err(StoreError::Closed);
            }
            state.cursors.insert(reader.to_owned(), seq);
            Ok(())
        })
    }

    fn remove<'a>(&'a self, ids: &'a [EventId]) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let _order = self.writer.lock();
            let mut state = self.state();
            if state.closed {
                return Err(StoreError::Closed);
            }
            let removed = state.remove(ids, clock_ms());
            self.observers.moved(state.last_seq());
            Ok(removed)
        })
    }

    fn statistics(&self) -> Statistics {
        self.state().statistics()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.state().closed = true;
            Ok(())
        })
    }

    fn follow(&self) -> watch::Receiver<Seq> {
        self.observers.follow()
    }

    fn observe(&self, observer: Arc<dyn CommitObserver>) {
        self.observers.add(&observer);
    }
}
