//! What the threads of the engine share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::counters::Counters;
use super::key::KeyMaker;
use super::log::Log;
use super::manifest::Manifest;
use super::options::Options;
use super::state::{Snapshot, State};
use super::table::Table;
use crate::{RelayScope, StoreError};

/// The shared parts of an open store. Written to by the committer and the index keepers only.
pub struct Core {
    /// The store's folder.
    pub folder: PathBuf,
    /// How it was opened.
    pub options: Options,
    /// Whom a request to vanish must name now.
    pub scope: ArcSwap<RelayScope>,
    /// The log, for reading.
    pub log: Arc<Log>,
    /// Event number → place.
    pub locator: Table,
    /// Position in the change feed → entry, two words each.
    pub feed: Table,
    /// Makes the keys of the index.
    pub keys: KeyMaker,
    /// The index.
    pub state: ArcSwap<State>,
    /// Held while [`Core::state`] is replaced: commits and merges both do.
    pub replacing: Mutex<()>,
    /// Counts kept up to date by the committer. Locked together with the publication of a commit.
    pub counters: Mutex<Counters>,
    /// Events that expired up to this second have been removed.
    pub purged: AtomicU64,
    /// Batches that were submitted and have not reached the committer.
    pub coming: AtomicUsize,
    /// Where the readers of the feed have got to.
    pub cursors: Mutex<BTreeMap<String, u64>>,
    /// The manifest as last written.
    pub manifest: Mutex<Manifest>,
}

impl Core {
    /// A snapshot as of now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(self)
    }

    /// Replaces the index by what `change` makes of it.
    pub fn replace_state(&self, change: impl FnOnce(&mut State)) {
        let _guard = self.replacing.lock();
        let mut state = self.state.load().as_ref().clone();
        change(&mut state);
        self.state.store(Arc::new(state));
    }

    /// The folder of the index runs.
    pub fn run_folder(&self) -> PathBuf {
        run_folder(&self.folder)
    }

    /// Changes the manifest and writes it.
    pub fn update_manifest(&self, change: impl FnOnce(&mut Manifest)) -> Result<(), StoreError> {
        let mut manifest = self.manifest.lock();
        let mut next = manifest.clone();
        change(&mut next);
        next.write(&self.folder)?;
        *manifest = next;
        Ok(())
    }
}

/// The folder of the index runs of the store in this folder.
pub fn run_folder(folder: &Path) -> PathBuf {
    folder.join("index")
}
