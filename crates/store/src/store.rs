//! The trait that every storage engine implements.

use std::sync::Arc;

use serde::Serialize;
use stentor_event::{Event, EventId, Filter, PublicKey, Timestamp, Viewer};
use tokio::sync::watch;

use crate::query::BoxFuture;
use crate::{
    Count, Explanation, Former, Outcome, OutlineQuery, OutlineScan, PartyTag, Query, Removal, Scan,
    StoreError, StoredEvent, Submission,
};

/// The number of an event in its store: dense, in commit order, never reused; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EventNumber(pub u64);

/// The position of an entry in the change feed: dense, in commit order; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Default)]
pub struct Seq(pub u64);

/// Whether old versions of replaceable and addressable events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Only the newest version of each (a relay).
    #[default]
    Current,
    /// All versions (an archive). Deletion, vanishing and expiration hold as in `Current`.
    History,
}

impl Keep {
    /// The word for it in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::History => "history",
        }
    }
}

/// What one entry of the change feed reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The event was stored.
    Added,
    /// The event left.
    #[serde(untagged)]
    Removed(Removal),
}

/// An entry of the change feed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its position.
    pub seq: Seq,
    /// The event concerned.
    pub number: EventNumber,
    /// What happened.
    pub kind: ChangeKind,
    /// When it was committed, in Unix milliseconds.
    pub committed_ms: u64,
    /// The id of the event: for `Added` when it is still there and visible to the reader, for a removal when the reader may be
    /// told of it ([`Former::visible`]). An operator is told every id.
    pub id: Option<EventId>,
    /// What is remembered of the event, for a removal that the reader may be told of. `None` also for what left before the
    /// store remembered anything but ids.
    pub former: Option<Former>,
    /// The event itself, for `Added`, when it is still there and visible to the reader.
    pub event: Option<Event>,
}

/// An event that has just become durable, or an ephemeral one that passes by.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its number; `None` for an ephemeral event.
    pub number: Option<EventNumber>,
    /// The event.
    pub event: Event,
}

/// Called with each commit, in commit order, before the submitters hear of it. Must not block.
pub trait CommitObserver: Send + Sync {
    /// These events have just been committed.
    fn committed(&self, events: &[Committed]);
}

/// Figures about a store.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Statistics {
    /// Events that are there.
    pub events: u64,
    /// The newest event number given out.
    pub last_number: u64,
    /// The newest position of the change feed.
    pub last_seq: u64,
    /// Bytes of the events that are there, in canonical JSON.
    pub live_bytes: u64,
    /// Bytes on disk, by part.
    pub disk_bytes: std::collections::BTreeMap<String, u64>,
    /// Events by kind.
    pub by_kind: std::collections::BTreeMap<u16, u64>,
    /// Index runs, or the like, in memory and on disk.
    pub runs: u64,
    /// Events whose index is only in memory (the log has them).
    pub unflushed: u64,
    /// Bytes in the log that belong to events that are gone.
    pub dead_bytes: u64,
    /// How far each reader of the change feed has come.
    pub readers: std::collections::BTreeMap<String, u64>,
}

/// Storage of events. Cheap to share (`Arc<dyn EventStore>`); every method can be called from any task.
pub trait EventStore: Send + Sync + 'static {
    /// Takes events in, in this order as far as they depend on each other (R1.3: refusals, duplicate, signature,
    /// commit). Returns when all of them are durable or refused, one outcome each, in the same order.
    fn submit(
        &self,
        batch: Vec<Submission>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, StoreError>>;

    /// The number that the next event to be committed will get. Every event below it is visible to a scan that begins
    /// now.
    fn next_number(&self) -> EventNumber;

    /// Begins a scan.
    fn scan(&self, query: Query) -> Box<dyn Scan>;

    /// Begins to gather the outlines of what matches a filter.
    fn outline(&self, query: OutlineQuery) -> Box<dyn OutlineScan>;

    /// Those of these events that are there, have not expired by `now`, match `through` (whatever it says of `limit` and
    /// `search`) and may be seen through it by the viewer; in the order in which they are asked for.
    fn fetch<'a>(
        &'a self,
        numbers: &'a [EventNumber],
        through: &'a Filter,
        viewer: &'a Viewer,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, StoreError>>;

    /// The numbers of those of these events that are there, as of one moment, and `None` for each other one; in the order in which
    /// they are asked for. An event that has expired is there until it is removed. A look-up by id for each, which parses no event
    /// and tells nothing of it; it is done in one go, so ask for some thousands at most.
    fn numbers<'a>(
        &'a self,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<Option<EventNumber>>, StoreError>>;

    /// Counts exactly what the viewer may see of the union of the filters (R1.9).
    fn count<'a>(
        &'a self,
        query: &'a Query,
        viewer: &'a Viewer,
    ) -> BoxFuture<'a, Result<Count, StoreError>>;

    /// As [`count`](Self::count), but only as long as the count is `wanted`: an engine that counts in one go asks now and then,
    /// and ends with [`StoreError::Abandoned`] when it is not.
    fn count_while<'a>(
        &'a self,
        query: &'a Query,
        viewer: &'a Viewer,
        wanted: &'a (dyn Fn() -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        Box::pin(async move {
            if wanted() {
                self.count(query, viewer).await
            } else {
                Err(StoreError::Abandoned)
            }
        })
    }

    /// How the query would be answered.
    fn explain(&self, query: &Query) -> Explanation;

    /// Entries of the change feed after `after`, oldest first, at most `limit`. The bodies are those visible to `viewer`.
    fn changes<'a>(
        &'a self,
        after: Seq,
        limit: usize,
        viewer: &'a Viewer,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Change>, StoreError>>;

    /// What stands for this key in [`Former`], in this store.
    fn party_tag(&self, key: &PublicKey) -> PartyTag;

    /// The newest position of the change feed.
    fn last_seq(&self) -> Seq;

    /// Where the named reader of the feed has got to; `None` if it never said.
    fn cursor(&self, reader: &str) -> Option<Seq>;

    /// Remembers where the named reader (1 to 64 bytes) has got to, durably.
    fn set_cursor<'a>(&'a self, reader: &'a str, seq: Seq)
    -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes these events for good, as the operator (ban, retention). Returns how many were there.
    fn remove<'a>(&'a self, ids: &'a [EventId]) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Figures.
    fn statistics(&self) -> Statistics;

    /// Makes everything durable and stops taking events. Idempotent.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Follows the newest position of the change feed.
    fn follow(&self) -> watch::Receiver<Seq>;

    /// Has somebody told of commits. There may be several, who are told in the order in which they came.
    fn observe(&self, observer: Arc<dyn CommitObserver>);
}
