//! An array of 64-bit words in a file, growing in chunks, shared by threads.
//!
//! The *locator* maps event numbers to places in the log, the *feed* maps positions of the change feed to entries. Both
//! are derived from the log: what a crash leaves in them beyond the checkpoint is overwritten when the log's tail is
//! read again, with the same or newer values.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::files;
use super::mmap::Words;
use crate::StoreError;

/// Words in a chunk: 512 KiB.
const CHUNK: usize = 1 << 16;

/// See the module.
pub struct Table {
    path: PathBuf,
    file: File,
    chunks: ArcSwap<Vec<Arc<Words>>>,
    /// Chunks changed since the last [`Table::sync`].
    dirty: Mutex<Vec<bool>>,
}

impl Table {
    /// Opens or creates the table.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = files::open_rw(path)?;
        let bytes = file
            .metadata()
            .map_err(files::failing("inspecting", path))?
            .len();
        let count = usize::try_from(bytes).unwrap_or(usize::MAX) / (CHUNK * 8);
        let table = Self {
            path: path.to_path_buf(),
            file,
            chunks: ArcSwap::from_pointee(Vec::new()),
            dirty: Mutex::new(Vec::new()),
        };
        if count > 0 {
            table.ensure((count * CHUNK) as u64 - 1)?;
        }
        Ok(table)
    }

    /// Makes room for this index, on disk too.
    pub fn ensure(&self, index: u64) -> Result<(), StoreError> {
        let wanted = chunk_of(index).0 + 1;
        let have = self.chunks.load().len();
        if wanted <= have {
            return Ok(());
        }
        let mut chunks = self.chunks.load().as_ref().clone();
        for chunk in have..wanted {
            let offset = (chunk * CHUNK * 8) as u64;
            files::reserve(&self.file, &self.path, offset, (CHUNK * 8) as u64)?;
            let words = Words::map(&self.file, offset, CHUNK)
                .map_err(files::failing("mapping", &self.path))?;
            chunks.push(Arc::new(words));
        }
        self.dirty.lock().resize(wanted, true);
        self.chunks.store(Arc::new(chunks));
        Ok(())
    }

    /// A handle for many reads; it sees later writes, but not later growth.
    pub fn reader(&self) -> Reader {
        Reader {
            chunks: self.chunks.load_full(),
        }
    }

    /// The word at this index; 0 where nothing was written.
    pub fn get(&self, index: u64) -> u64 {
        word(&self.chunks.load(), index).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Writes a word; [`Table::ensure`] must have made room.
    pub fn set(&self, index: u64, value: u64) {
        if let Some(word) = word(&self.chunks.load(), index) {
            word.store(value, Ordering::Release);
        }
        if let Some(dirty) = self.dirty.lock().get_mut(chunk_of(index).0) {
            *dirty = true;
        }
    }

    /// Replaces a word by what `change` makes of it, atomically.
    pub fn update(&self, index: u64, change: impl Fn(u64) -> u64) {
        if let Some(word) = word(&self.chunks.load(), index) {
            let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                Some(change(word))
            });
        }
        if let Some(dirty) = self.dirty.lock().get_mut(chunk_of(index).0) {
            *dirty = true;
        }
    }

    /// Makes everything written so far durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        let dirty: Vec<usize> = {
            let mut flags = self.dirty.lock();
            let found = flags
                .iter()
                .enumerate()
                .filter(|(_, dirty)| **dirty)
                .map(|(i, _)| i)
                .collect();
            flags.fill(false);
            found
        };
        let chunks = self.chunks.load();
        for chunk in dirty.iter().filter_map(|i| chunks.get(*i)) {
            chunk
                .sync()
                .map_err(files::failing("syncing", &self.path))?;
        }
        self.file
            .sync_all()
            .map_err(files::failing("syncing", &self.path))
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        (self.chunks.load().len() * CHUNK * 8) as u64
    }
}

/// See [`Table::reader`].
#[derive(Clone)]
pub struct Reader {
    chunks: Arc<Vec<Arc<Words>>>,
}

impl Reader {
    /// The word at this index; 0 where nothing was written.
    pub fn get(&self, index: u64) -> u64 {
        word(&self.chunks, index).map_or(0, |word| word.load(Ordering::Acquire))
    }
}

fn chunk_of(index: u64) -> (usize, usize) {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    (index / CHUNK, index % CHUNK)
}

fn word(chunks: &[Arc<Words>], index: u64) -> Option<&AtomicU64> {
    let (chunk, place) = chunk_of(index);
    chunks.get(chunk)?.words().get(place)
}
