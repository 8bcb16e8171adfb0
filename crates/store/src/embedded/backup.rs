//! Backup while serving, and rebuilding what is derived.
//!
//! A backup is the log up to one moment, and a manifest that says that everything else is to be rebuilt from it. It
//! is a store: it is restored by opening it (or by putting its files in the place of the old ones).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::core::Core;
use super::disk::DiskFile;
use super::files::{self, failing};
use super::lock::Lock;
use super::log::{Address, Segment};
use super::manifest::{Manifest, Position};
use super::progress::{Progress, told};
use crate::StoreError;

/// The store as of one moment, for as long as it is copied: it may change meanwhile.
pub struct Moment {
    end: Position,
    segments: BTreeMap<u32, Arc<Segment>>,
    manifest: Manifest,
}

impl Moment {
    /// This one.
    pub fn now(core: &Core) -> Self {
        // The end first: segments that appear later are not part of it, and those that a compaction replaces meanwhile
        // stay readable through what is held here.
        let end = core.state.load().end;
        let segments = core.log.segments();
        let manifest = rebuilding(core.manifest.lock().clone());
        Self {
            end,
            segments: segments.as_ref().clone(),
            manifest,
        }
    }

    /// Copies it into an empty or new folder. `progress` is told the bytes copied and their total.
    ///
    /// # Errors
    /// When the folder holds something, or cannot be written; [`StoreError::Interrupted`] when `progress` wishes it.
    pub fn copy(&self, to: &Path, progress: Progress<'_>) -> Result<(), StoreError> {
        files::create_dir(to)?;
        let occupied = std::fs::read_dir(to)
            .map_err(failing("reading", to))?
            .next()
            .is_some();
        if occupied {
            return Err(failing("writing a backup into", to)(std::io::Error::other(
                "the folder is not empty",
            )));
        }
        let _lock = Lock::take(to)?;
        let log = to.join("log");
        files::create_dir(&log)?;
        let parts = self.parts()?;
        let total = parts.iter().map(|(_, part)| part.len() as u64).sum();
        let mut done = 0;
        for (id, part) in parts {
            write(&Segment::path(&log, id), part)?;
            done += part.len() as u64;
            told(progress, done, total)?;
        }
        files::sync_dir(&log)?;
        self.manifest.write(to)
    }

    /// The segments up to the end.
    fn parts(&self) -> Result<Vec<(u32, &[u8])>, StoreError> {
        let Some(last) = self.end.address.map(Address::unpack) else {
            return Ok(Vec::new());
        };
        let mut parts = Vec::new();
        for segment in self.segments.values() {
            if !segment.is_copy() && segment.id > last.segment {
                continue;
            }
            let content = segment.content()?;
            let length = match last.segment == segment.id {
                true => last.offset as usize,
                false => content.len(),
            };
            parts.push((segment.id, content.get(..length).unwrap_or(content)));
        }
        Ok(parts)
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let file = DiskFile::create(path)?;
    file.write_at(content, 0)?;
    file.sync()
}

/// A manifest that has everything rebuilt from the log.
fn rebuilding(mut manifest: Manifest) -> Manifest {
    manifest.checkpoint = Position::START;
    manifest.runs.clear();
    manifest.cursors.clear();
    manifest.moving = None;
    manifest
}

/// Removes what is derived from a closed store, so that it is rebuilt when it is opened next.
pub fn forget_derived(folder: &Path) -> Result<(), StoreError> {
    let _lock = Lock::take(folder)?;
    let manifest = match Manifest::read(folder) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            return Err(failing("reindexing", folder)(std::io::Error::other(
                "there is no store",
            )));
        }
        Err(error) => return Err(error),
    };
    rebuilding(manifest).write(folder)?;
    for name in ["locator", "feed"] {
        files::remove(&folder.join(name))?;
    }
    // Runs that the manifest does not name are removed when the store is opened.
    files::sync_dir(folder)
}
