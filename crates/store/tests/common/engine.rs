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

fn open(folder: &TempDir, keep: Keep) -> Arc<embedded::Store> {
    let options = embedded::Options {
        keep,
        scope: scope(),
        flush_events: 8,
        ..embedded::Options::default()
    };
    Arc::new(embedded::Store::open(folder.path(), options).unwrap())
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
        let store = self.store.take().unwrap();
        store.close().await.unwrap();
        assert_eq!(
            Arc::strong_count(&store),
            1,
            "somebody still uses the store"
        );
        drop(store);
        self.store = Some(open(&self.folder, self.keep));
    }
}
