//! Small helpers around files: error mapping, atomic replacement, syncing folders.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::disk::DiskFile;
use super::watch::{Act, act};
use crate::StoreError;

/// Turns an I/O error into a [`StoreError`] that names the file.
pub fn io_error(action: &'static str, path: &Path, error: &io::Error) -> StoreError {
    let full = [Errno::NOSPC, Errno::DQUOT]
        .iter()
        .any(|e| error.raw_os_error() == Some(e.raw_os_error()));
    if full {
        return StoreError::DiskFull {
            path: path.to_path_buf(),
        };
    }
    StoreError::Io {
        action,
        path: path.to_path_buf(),
        message: error.to_string(),
    }
}

/// A closure for `map_err`.
pub fn failing(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |error| io_error(action, &path, &error)
}

/// A damaged file.
pub fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        path: path.to_path_buf(),
        offset,
        what: what.into(),
    }
}

/// Makes the entries of a folder durable: a new file is only there after a power cut when its folder was synced.
pub fn sync_dir(path: &Path) -> Result<(), StoreError> {
    let sync = || File::open(path).and_then(|folder| folder.sync_all());
    act(path, Act::SyncFolder, sync).map_err(failing("syncing", path))
}

/// Creates a folder and those above it that are missing, durably. Only their owner can look into them: private messages are in
/// the files.
pub fn create_dir(path: &Path) -> Result<(), StoreError> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    if path.is_dir() {
        // Whoever made it may have been killed before it was durable. It may also be a mount point in a folder that is
        // none of our business.
        let _ = sync_dir(parent);
        return Ok(());
    }
    create_dir(parent)?;
    act(path, Act::MakeFolder, || private_folder().create(path))
        .map_err(failing("creating", path))?;
    sync_dir(parent)
}

/// What makes folders that only their owner can look into.
fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Replaces a file as a whole: after a crash there is either the old content or the new.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = temporary(path);
    let file = DiskFile::create(&temporary)?;
    file.write_at(content, 0)?;
    file.sync()?;
    publish(&temporary, path)
}

/// Renames a finished, synced file into place, durably.
pub fn publish(temporary: &Path, path: &Path) -> Result<(), StoreError> {
    let rename = || fs::rename(temporary, path);
    act(temporary, Act::Rename(path), rename).map_err(failing("renaming", temporary))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// The name under which a file is written before it takes its place. Left-overs are removed at start.
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path
        .file_name()
        .map(std::ffi::OsStr::to_os_string)
        .unwrap_or_default();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Removes a file that may be gone already. After a power cut it may be back, unless its folder was synced.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    let remove = || match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    act(path, Act::Remove, remove).map_err(failing("removing", path))
}
