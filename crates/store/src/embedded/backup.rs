//! Backup while serving, and rebuilding what is derived.
//!
//! A backup is the log up to one moment, and a manifest that says that everything else is to be rebuilt from it. It
//! is a store: it is restored by opening it (or by putting its files in the place of the old ones).

use std::path::Path;

use super::core::Core;
use super::disk::DiskFile;
use super::files::{self, failing};
use super::lock::Lock;
use super::log::{Address, Segment};
use super::manifest::{Manifest, Position};
use crate::StoreError;

/// Copies the store as of now into an empty or new folder. `progress` is told the bytes copied and their total.
pub fn backup(core: &Core, to: &Path, progress: &dyn Fn(u64, u64)) -> Result<Position, StoreError> {
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
    // The end first: segments that appear later are not part of the backup, and those that a compaction replaces
    // meanwhile stay readable through what is held here.
    let end = core.state.load().end;
    let segments = core.log.segments();
    let last = end.address.map(Address::unpack);
    let total = core.log.disk_bytes();
    let mut done = 0;
    for segment in segments.values() {
        let content = segment.content()?;
        let length = match last {
            Some(last) if last.segment == segment.id => last.offset as usize,
            Some(last) if !segment.is_copy() && segment.id > last.segment => continue,
            Some(_) => content.len(),
            None => continue,
        };
        let part = content.get(..length).unwrap_or(content);
        write(&Segment::path(&log, segment.id), part)?;
        done += part.len() as u64;
        progress(done, total);
    }
    files::sync_dir(&log)?;
    let manifest = core.manifest.lock().clone();
    rebuilding(manifest).write(to)?;
    Ok(end)
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
