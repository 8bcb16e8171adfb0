//! The bus of a node.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use stentor_event::{Event, Timestamp};
use stentor_sql::Database;
use stentor_store::{CommitObserver, Committed, EventStore};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::cursor::{Cursor, Place};
use crate::entry::Entry;
use crate::hub::{Hub, Subscriber};
use crate::outbox::{self, Draft};
use crate::selection::{Audience, Interest, Selection};
use crate::transport::{InProcess, Transport};
use crate::{Again, BusError, EventType, Log, Reader, again, feed, oldest};

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With what happens from now on.
    Now,
    /// With the oldest that is kept.
    Oldest,
    /// Where a reader has got to before.
    Cursor(Cursor),
}

/// The bus. Cloning shares it.
#[derive(Clone)]
pub struct Bus {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub store: Arc<dyn EventStore>,
    pub database: Database,
    pub config: Config,
    pub epoch: u64,
    pub hub: Hub,
    /// What tells this node and others of entries in the outbox, and carries ephemeral events.
    pub transport: Arc<dyn Transport>,
    /// Turns for reading from the logs.
    pub replays: Semaphore,
}

impl Bus {
    /// Opens the log of the records, makes it if there is none, and listens to the store, for a node that is told of others'
    /// news by looking at the log. Nothing moves before [`Bus::run`].
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn open(
        store: Arc<dyn EventStore>,
        database: Database,
        config: Config,
    ) -> Result<Self, BusError> {
        let transport = Arc::new(InProcess::new(config.ephemeral));
        Self::open_over(transport, store, database, config).await
    }

    /// The same over a transport that reaches other nodes.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn open_over(
        transport: Arc<dyn Transport>,
        store: Arc<dyn EventStore>,
        database: Database,
        config: Config,
    ) -> Result<Self, BusError> {
        let extent = outbox::open(&database).await?;
        let shared = Arc::new(Shared {
            hub: Hub::new(config.queue()),
            transport: Arc::clone(&transport),
            replays: Semaphore::new(config.replays.max(1)),
            epoch: extent.epoch,
            store,
            database,
            config,
        });
        shared.store.observe(Arc::new(Tap(transport)));
        Ok(Self { shared })
    }

    /// Publishes in a transaction of its own. `Ok` means that it is durable.
    ///
    /// # Errors
    /// What the records have against it; nothing is published then.
    pub async fn publish(&self, drafts: Vec<Draft>) -> Result<(), BusError> {
        let database = &self.shared.database;
        let now = now_ms();
        database
            .write(move |tx| outbox::append(tx, &drafts, now))
            .await?;
        self.wake();
        Ok(())
    }

    /// Says that a transaction with [`append`](crate::append) has committed, so that readers need not wait for the next look.
    pub fn wake(&self) {
        self.shared.transport.grown();
    }

    /// Begins to read.
    pub fn read(&self, from: From, audience: Audience, interest: Interest) -> Reader {
        let selection = Selection::new(audience, interest, self.shared.store.as_ref());
        Reader::new(Arc::clone(&self.shared), from, selection)
    }

    /// The end of both logs.
    ///
    /// # Errors
    /// What the logs have against being read.
    pub async fn head(&self) -> Result<Cursor, BusError> {
        self.shared.head().await
    }

    /// Before the oldest entries that are kept.
    ///
    /// # Errors
    /// What the logs have against being read.
    pub async fn oldest(&self) -> Result<Cursor, BusError> {
        oldest::oldest(&self.shared).await
    }

    /// Reads what stands at a position once more, as this reader would be given it now: `None` when it is gone, or is not for this
    /// reader. Retries and replays ask here, so that what was deleted since is not told again.
    ///
    /// # Errors
    /// What the logs have against being read.
    pub async fn again(
        &self,
        log: Log,
        seq: u64,
        audience: Audience,
        interest: Interest,
    ) -> Result<Option<Again>, BusError> {
        again::again(&self.shared, log, seq, audience, interest).await
    }

    /// Before the first entries of a moment or later (Unix milliseconds), as far as they are kept.
    ///
    /// # Errors
    /// What the logs have against being read.
    pub async fn before(&self, time_ms: u64) -> Result<Cursor, BusError> {
        oldest::before(&self.shared, time_ms).await
    }

    /// Live readers.
    pub fn readers(&self) -> usize {
        self.shared.hub.live()
    }
}

impl Shared {
    /// Makes a reader live: see [`Hub::join`].
    pub fn join(
        &self,
        selection: Selection,
        cursor: &Cursor,
        is_near: bool,
    ) -> Result<Arc<Subscriber>, Box<Selection>> {
        let joined = self.hub.join(selection, cursor, is_near, now())?;
        self.transport.listen(true);
        metrics::gauge!("stentor_bus_readers").set(self.hub.live() as f64);
        Ok(joined)
    }

    /// A live reader has ended.
    pub fn leave(&self, subscriber: &Arc<Subscriber>) {
        let left = self.hub.leave(subscriber);
        self.transport.listen(left > 0);
        metrics::gauge!("stentor_bus_readers").set(left as f64);
    }

    /// Whether the event of an entry that has waited is still there. As long as the entry is near the end of its log, it is
    /// told when its event leaves; after that the store is asked.
    pub async fn is_there(&self, entry: &Entry) -> Result<bool, BusError> {
        let Some(seq) = entry.envelope.seq else {
            return Ok(true);
        };
        let is_stored = entry.envelope.event_type == EventType::NostrEventStored;
        if !is_stored || self.hub.watches(Log::Nostr, seq) {
            return Ok(true);
        }
        let before = Place {
            seq: seq.saturating_sub(1),
            mark: 0,
        };
        let page = feed::read(self.store.as_ref(), self.epoch, before, 1, now()).await?;
        Ok(!page.entries.is_empty())
    }

    /// The end of both logs.
    pub async fn head(&self) -> Result<Cursor, BusError> {
        let extent = outbox::extent(&self.database).await?;
        let mark = outbox::mark_at(&self.database, extent.last).await?;
        let seq = self.store.last_seq().0;
        let change = feed::change_at(self.store.as_ref(), seq).await?;
        Ok(Cursor {
            epoch: self.epoch,
            nostr: change.as_ref().map_or(
                Place {
                    seq,
                    ..Place::default()
                },
                feed::place,
            ),
            records: Place {
                seq: extent.last,
                mark: mark.unwrap_or_default(),
            },
        })
    }
}

/// Hears ephemeral events, which are in no log. The store holds it, so it must not hold the store.
struct Tap(Arc<dyn Transport>);

impl CommitObserver for Tap {
    fn committed(&self, events: &[Committed]) {
        let passing = events.iter().filter(|event| event.number.is_none());
        let passing: Vec<Event> = passing.map(|committed| committed.event.clone()).collect();
        if !passing.is_empty() {
            self.0.pass(passing);
        }
    }
}

/// The time, in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// The time, for expiry.
pub(crate) fn now() -> Timestamp {
    Timestamp(now_ms() / 1_000)
}
