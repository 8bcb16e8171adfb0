//! An array of 64-bit words in a file, growing in chunks, shared by threads.
//!
//! The *locator* maps event numbers to places in the log, the *feed* maps positions of the change feed to entries. Both
//! are derived from the log: what a crash leaves in them beyond the checkpoint is overwritten when the log's tail is
//! read again, with the same or newer values.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::disk::DiskFile;
use super::files::failing;
use super::mmap::Words;
use super::watch::{Act, act};
use crate::StoreError;

/// Words in a chunk: 512 KiB, and less in tests, so that they see many.
const CHUNK: usize = if cfg!(test) { 1 << 10 } else { 1 << 16 };

/// See the module.
pub struct Table {
    file: DiskFile,
    chunks: ArcSwap<Vec<Arc<Words>>>,
    /// Chunks changed since the last [`Table::sync`].
    dirty: Mutex<Vec<bool>>,
}

impl Table {
    /// Opens or creates the table.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = DiskFile::open(path)?;
        let bytes = file.length()?;
        let count = usize::try_from(bytes).unwrap_or(usize::MAX) / (CHUNK * 8);
        let table = Self {
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
            self.file.reserve(offset, (CHUNK * 8) as u64)?;
            let words = Words::map(self.file.file(), offset, CHUNK)
                .map_err(failing("mapping", self.file.path()))?;
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
        self.write(index, value, |word| {
            word.store(value, Ordering::Release);
            Ok(())
        });
    }

    /// Writes a word, unless it is not `old` any more. To write what is there already is not without effect: it makes
    /// sure that it reaches the disk.
    pub fn exchange(&self, index: u64, old: u64, value: u64) {
        self.write(index, value, |word| {
            word.compare_exchange(old, value, Ordering::AcqRel, Ordering::Acquire)
                .map(drop)
                .map_err(|_| io::ErrorKind::Other.into())
        });
    }

    fn write(&self, index: u64, value: u64, write: impl FnOnce(&AtomicU64) -> io::Result<()>) {
        if let Some(word) = word(&self.chunks.load(), index) {
            let noted = Act::Write {
                offset: index * 8,
                bytes: &value.to_ne_bytes(),
            };
            // Refused only by `exchange`.
            let _ = act(self.file.path(), noted, || write(word));
        }
        if let Some(dirty) = self.dirty.lock().get_mut(chunk_of(index).0) {
            *dirty = true;
        }
    }

    /// Makes everything written so far durable. After a failure it may be tried again.
    pub fn sync(&self) -> Result<(), StoreError> {
        let dirty: Vec<usize> = {
            let mut flags = self.dirty.lock();
            let found = (0..).zip(flags.iter()).filter(|(_, dirty)| **dirty);
            let found = found.map(|(chunk, _)| chunk).collect();
            flags.fill(false);
            found
        };
        let result = self.sync_chunks(&dirty);
        if result.is_err() {
            self.write_again(&dirty);
        }
        result
    }

    fn sync_chunks(&self, dirty: &[usize]) -> Result<(), StoreError> {
        let chunks = self.chunks.load();
        for chunk in dirty.iter().filter_map(|at| chunks.get(*at)) {
            chunk.sync().map_err(failing("syncing", self.file.path()))?;
        }
        self.file.sync()
    }

    /// Has the system write these chunks once more: after a failure it takes them for written, though they are not.
    fn write_again(&self, chunks: &[usize]) {
        for chunk in chunks {
            for index in chunk * CHUNK..(chunk + 1) * CHUNK {
                let value = self.get(index as u64);
                self.exchange(index as u64, value, value);
            }
        }
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
