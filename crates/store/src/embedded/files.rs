//! Small helpers around files: error mapping, atomic replacement, syncing folders.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

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

/// Opens a file for reading and writing, creating it when it is not there.
pub fn open_rw(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failing("opening", path))
}

/// Makes the entries of a folder durable: a new file is only there after a power cut when its folder was synced.
pub fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(failing("syncing", path))
}

/// Creates a folder, and makes it durable in its parent.
pub fn create_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(failing("creating", path))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}

/// Replaces a file as a whole: after a crash there is either the old content or the new.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = temporary(path);
    let mut file = File::create(&temporary).map_err(failing("creating", &temporary))?;
    file.write_all(content)
        .map_err(failing("writing", &temporary))?;
    file.sync_all().map_err(failing("syncing", &temporary))?;
    publish(&temporary, path)
}

/// Renames a finished, synced file into place, durably.
pub fn publish(temporary: &Path, path: &Path) -> Result<(), StoreError> {
    fs::rename(temporary, path).map_err(failing("renaming", temporary))?;
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

/// Removes a file that may be gone already.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("removing", path, &error))
        }
        _ => Ok(()),
    }
}

/// Reserves disk blocks for `offset..offset + length`, so that writing there cannot fail for lack of room.
pub fn reserve(file: &File, path: &Path, offset: u64, length: u64) -> Result<(), StoreError> {
    use rustix::fs::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::empty(), offset, length) {
        // A file system without fallocate: the size alone is set, and a full disk shows itself at writing.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let size = file.metadata().map_err(failing("inspecting", path))?.len();
            file.set_len(size.max(offset + length))
                .map_err(failing("growing", path))
        }
        other => other.map_err(|e| io_error("growing", path, &e.into())),
    }
}
