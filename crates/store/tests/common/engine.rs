//! The engines under test.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use stentor_event::Timestamp;
use stentor_store::{EventStore, Keep, RelayScope, embedded, memory};
use tempfile::TempDir;

/// The public URL of the relay under test, as configured.
pub const RELAY_URL: &str = "wss://relay.example.com";

/// Makes empty stores.
pub trait Factory: Sync {
    /// A new, empty store of its own.
    fn create(&self, keep: Keep) -> Box<dyn Engine>;
}

/// An open store, with what is not part of the trait.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn EventStore>;

    /// Removes what has expired.
    async fn purge(&self, now: Timestamp) -> u64;

    /// Closes the store and opens it again. What cannot outlive a process stays as it is.
    async fn reopen(&mut self);

    /// Works on the files of the store, which changes nothing that anybody sees. Scans must not be open.
    async fn maintain(&mut self, upkeep: Upkeep);
}

/// Work on the files of a store.
#[derive(Debug, Clone, Copy)]
pub enum Upkeep {
    /// Writes the index to files.
    Flush,
    /// Gives back what belongs to events that are gone.
    Compact,
    /// Reads everything; there must be no fault.
    Verify,
    /// Builds what is derived anew.
    Reindex,
    /// Copies the store, and goes on with the copy.
    Restore,
}

/// Who the stores under test are.
pub fn scope() -> RelayScope {
    RelayScope {
        urls: Arc::from([RELAY_URL.to_owned()]),
    }
}

/// The naive model.
pub struct Memory;

impl Factory for Memory {
    fn create(&self, keep: Keep) -> Box<dyn Engine> {
        Box::new(MemoryEngine(Arc::new(memory::Store::new(keep, scope()))))
    }
}

struct MemoryEngine(Arc<memory::Store>);

#[async_trait]
impl Engine for MemoryEngine {
    fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.0) as Arc<dyn EventStore>
    }

    async fn purge(&self, now: Timestamp) -> u64 {
        self.0.purge(now)
    }

    async fn reopen(&mut self) {}

    async fn maintain(&mut self, _upkeep: Upkeep) {}
}

/// The engine of a single node.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// After how many events the index is written to a file.
    flush_events: usize,
    /// How many events are committed together.
    commit_events: usize,
    /// How many events may wait for their commit.
    waiting_events: usize,
}

impl Embedded {
    /// It writes and merges files all the time.
    pub const BUSY: Self = Self {
        flush_events: 8,
        commit_events: 4_096,
        waiting_events: 65_536,
    };

    /// It keeps some in memory.
    pub const CALM: Self = Self {
        flush_events: 100,
        ..Self::BUSY
    };

    /// It takes and commits a few events at a time.
    pub const TIGHT: Self = Self {
        flush_events: 3,
        commit_events: 2,
        waiting_events: 4,
    };
}

impl Factory for Embedded {
    fn create(&self, keep: Keep) -> Box<dyn Engine> {
        let options = embedded::Options {
            keep,
            scope: scope(),
            flush_events: self.flush_events,
            commit_events: self.commit_events,
            waiting_events: self.waiting_events,
            ..embedded::Options::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let mut engine = EmbeddedEngine {
            folder,
            options,
            store: None,
        };
        engine.open();
        Box::new(engine)
    }
}

struct EmbeddedEngine {
    // Dropped before the folder.
    store: Option<Arc<embedded::Store>>,
    folder: TempDir,
    options: embedded::Options,
}

impl EmbeddedEngine {
    fn open(&mut self) {
        let store = embedded::Store::open(self.folder.path(), self.options.clone()).unwrap();
        self.store = Some(Arc::new(store));
    }

    fn open_store(&self) -> &Arc<embedded::Store> {
        self.store.as_ref().unwrap()
    }

    async fn close(&mut self) {
        let store = self.store.take().unwrap();
        store.close().await.unwrap();
        assert_eq!(
            Arc::strong_count(&store),
            1,
            "somebody still uses the store"
        );
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(self.open_store()) as Arc<dyn EventStore>
    }

    async fn purge(&self, now: Timestamp) -> u64 {
        self.open_store().purge(now).await.unwrap()
    }

    async fn reopen(&mut self) {
        self.close().await;
        self.open();
    }

    async fn maintain(&mut self, upkeep: Upkeep) {
        match upkeep {
            Upkeep::Flush => self.open_store().flush().unwrap(),
            Upkeep::Compact => {
                self.open_store()
                    .compact(1, &|_, _| ControlFlow::Continue(()))
                    .await
                    .unwrap();
            }
            Upkeep::Verify => {
                let found = self
                    .open_store()
                    .verify(false, &|_, _| ControlFlow::Continue(()))
                    .unwrap();
                assert_eq!(found.faults, 0, "{:?}", found.listed);
            }
            Upkeep::Reindex => {
                self.close().await;
                let store =
                    embedded::Store::reindex(self.folder.path(), self.options.clone()).unwrap();
                self.store = Some(Arc::new(store));
            }
            Upkeep::Restore => {
                let copy = tempfile::tempdir().unwrap();
                self.open_store()
                    .backup(copy.path(), &|_, _| ControlFlow::Continue(()))
                    .unwrap();
                self.close().await;
                self.folder = copy;
                self.open();
            }
        }
    }
}
