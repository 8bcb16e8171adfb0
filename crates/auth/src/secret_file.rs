//! Secrets in files: each readable by its owner only, and written whole or not at all.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file or its folder cannot be read or made.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others can read it.
    #[error("{} can be read by others (mode {mode:o}): chmod 600 it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} does not hold a secret of the kind that belongs there", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers to give.
    #[error("the system has no random numbers to give")]
    NoRandomness,
}

/// Reads a file that only its owner may be able to read; `None` when there is none.
///
/// # Errors
/// [`SecretError::Io`] and [`SecretError::Open`].
pub fn read(path: &Path) -> Result<Option<String>, SecretError> {
    let io = |error| SecretError::Io {
        path: path.to_owned(),
        error,
    };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(io)?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(SecretError::Open { path, mode });
    }
    fs::read_to_string(path).map(Some).map_err(io)
}

/// Writes a file that only its owner can read and that appears whole or not at all, even when the machine stops meanwhile. Its folder is made
/// if it is missing.
///
/// # Errors
/// What the system has against it.
pub fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let draft = path.with_extension("new");
    // What a crash has left may have other permissions.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()
}
