//! The engines under test.

use std::sync::Arc;

use async_trait::async_trait;
use stentor_event::Timestamp;
use stentor_store::{EventStore, Keep, RelayScope, memory};

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
    RelayScope { urls: Arc::from([RELAY_URL.to_owned()]) }
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
