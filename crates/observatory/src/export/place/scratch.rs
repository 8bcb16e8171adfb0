//! Where files are until they are complete.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder for files that are not complete, which goes away with this. As long as it lives, nobody else has it.
pub(in crate::export) struct Scratch {
    path: PathBuf,
    /// Keeps another export out, as long as this lives.
    _lock: File,
}

impl Scratch {
    /// Takes the folder of this name in `within`, which is made if it is not there, and empties it: an export that was killed may have
    /// left something.
    ///
    /// # Errors
    /// Those of the disk; `busy` when another export has it.
    pub fn take(within: &Path, name: &str, busy: &'static str) -> io::Result<Self> {
        let lock = File::open(within)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::Error::other(busy)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let path = within.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Events that are not for everybody may be among what is written there.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next export.
        let _ = fs::remove_dir_all(&self.path);
    }
}
