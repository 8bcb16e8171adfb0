//! The `[store]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_store::RelayScope;
use stentor_store::embedded::Options;

/// The store of the relay's events. Takes effect with a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Threads that verify signatures; 0 means one for each core.
    #[schemars(range(max = 1024))]
    pub verifiers: usize,
    /// Events whose index is kept in memory before it is written to a file. More is faster and takes more memory and a
    /// longer start after a crash.
    #[schemars(range(min = 1024, max = 4_194_304))]
    pub flush_events: usize,
    /// Most events that are made durable together.
    #[schemars(range(min = 1, max = 65536))]
    pub commit_events: usize,
    /// Most events that wait to be made durable; above it, whoever brings more waits.
    #[schemars(range(min = 1, max = 4_194_304))]
    pub waiting_events: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let options = Options::default();
        Self {
            verifiers: options.verifiers,
            flush_events: options.flush_events,
            commit_events: options.commit_events,
            waiting_events: options.waiting_events,
        }
    }
}

impl StoreConfig {
    /// Faults that the types do not show.
    pub fn check(&self) -> Vec<(String, String)> {
        let too_few = self.waiting_events < self.commit_events;
        let message = "must not be less than store.commit_events".to_owned();
        too_few
            .then(|| ("store.waiting_events".to_owned(), message))
            .into_iter()
            .collect()
    }

    /// What the engine is opened with.
    pub fn options(&self, scope: RelayScope) -> Options {
        Options {
            scope,
            verifiers: self.verifiers,
            flush_events: self.flush_events,
            commit_events: self.commit_events,
            waiting_events: self.waiting_events,
            ..Options::default()
        }
    }
}
