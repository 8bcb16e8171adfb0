//! The engines under test.

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

/// The engine of a single node, with options that make it write and merge index files after a few events.
pub struct Embedded;

impl Factory for Embedded {
    fn create(&self, keep: Keep) -> Box<dyn Engine> {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(open(&folder, keep));
        Box::new(EmbeddedEngine {
            folder,
            keep,
            store,
        })
    }
}

fn options(keep: Keep) -> embedded::Options {
    embedded::Options { keep, scope: scope(), flush_events: 8, ..embedded::Options::default() }
}

fn open(folder: &TempDir, keep: Keep) -> Arc<embedded::Store> {
    Arc::new(embedded::Store::open(folder.path(), options(keep)).unwrap())
}

struct EmbeddedEngine {
    // Dropped before the folder.
    store: Option<Arc<embedded::Store>>,
    folder: TempDir,
    keep: Keep,
}

impl EmbeddedEngine {
    fn open_store(&self) -> &Arc<embedded::Store> {
        self.store.as_ref().unwrap()
    }

    async fn close(&mut self) {
        let store = self.store.take().unwrap();
        store.close().await.unwrap();
        assert_eq!(Arc::strong_count(&store), 1, "somebody still uses the store");
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
        self.store = Some(open(&self.folder, self.keep));
    }

    async fn maintain(&mut self, upkeep: Upkeep) {
        match upkeep {
            Upkeep::Flush => self.open_store().flush().unwrap(),
            Upkeep::Compact => {
                self.open_store().compact(1, &|_, _| {}).await.unwrap();
            }
            Upkeep::Verify => {
                let found = self.open_store().verify(false, &|_, _| {}).unwrap();
                assert_eq!(found.faults, 0, "{:?}", found.listed);
            }
            Upkeep::Reindex => {
                self.close().await;
                let store = embedded::Store::reindex(self.folder.path(), options(self.keep)).unwrap();
                self.store = Some(Arc::new(store));
            }
            Upkeep::Restore => {
                let copy = tempfile::tempdir().unwrap();
                self.open_store().backup(copy.path(), &|_, _| {}).unwrap();
                self.close().await;
                self.folder = copy;
                self.store = Some(open(&self.folder, self.keep));
            }
        }
    }
}
