//! The manifest: which files make up the store, and up to where the log is contained in them.
//!
//! One small file, replaced as a whole. Its first line is JSON, its second the CRC-32C of the first.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{self, corrupt, failing};
use crate::{Keep, StoreError};

/// The format that this program writes, and the only one it reads. Whoever raises it brings the one before up to date here, in
/// the same change (R5.5).
pub const FORMAT: u32 = 1;

/// A moment of the log: everything before it is contained in what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where the next batch starts ([`super::log::Address::pack`]); `None` in an empty log.
    pub address: Option<u64>,
    /// The next event number.
    pub next_number: u64,
    /// The next position in the feed.
    pub next_seq: u64,
}

impl Position {
    /// Of an empty store.
    pub const START: Self = Self {
        address: None,
        next_number: 1,
        next_seq: 1,
    };
}

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the store's files.
    pub format: u32,
    /// `current` or `history`.
    pub keep: String,
    /// The secret of the index keys.
    pub secret: (u64, u64),
    /// Up to where the runs contain the log.
    pub checkpoint: Position,
    /// File names of the runs, oldest events first.
    pub runs: Vec<String>,
    /// The number for the next run's file name.
    pub next_run: u64,
    /// Where the readers of the feed have got to, as of the checkpoint.
    pub cursors: BTreeMap<String, u64>,
    /// A compaction whose moves may not be complete: from this segment to that.
    pub moving: Option<(u32, u32)>,
}

impl Manifest {
    /// Of an empty store.
    pub fn empty(keep: Keep, secret: (u64, u64)) -> Self {
        Self {
            format: FORMAT,
            keep: keep.as_str().to_owned(),
            secret,
            checkpoint: Position::START,
            runs: Vec::new(),
            next_run: 1,
            cursors: BTreeMap::new(),
            moving: None,
        }
    }

    /// The manifest's file.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("MANIFEST")
    }

    /// Reads it; `None` when there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = Self::path(folder);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failing("reading", &path))?,
        };
        let mut lines = text.lines();
        let json = lines.next().unwrap_or_default();
        let checksum = lines
            .next()
            .and_then(|line| u32::from_str_radix(line, 16).ok());
        if checksum != Some(crc32c::crc32c(json.as_bytes())) {
            return Err(corrupt(&path, 0, "the manifest's checksum is wrong"));
        }
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let bad = |e: serde_json::Error| corrupt(&path, 0, e.to_string());
        let version: Version = serde_json::from_str(json).map_err(bad)?;
        let (path, found, supported) = (folder.to_path_buf(), version.format, FORMAT);
        match found.cmp(&FORMAT) {
            Ordering::Equal => serde_json::from_str(json).map(Some).map_err(bad),
            Ordering::Greater => Err(StoreError::Newer {
                path,
                found,
                supported,
            }),
            Ordering::Less => Err(StoreError::Older {
                path,
                found,
                supported,
            }),
        }
    }

    /// Writes it, durably.
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = Self::path(folder);
        let json = serde_json::to_string(self).map_err(|e| corrupt(&path, 0, e.to_string()))?;
        let text = format!("{json}\n{:08x}\n", crc32c::crc32c(json.as_bytes()));
        files::replace(&path, text.as_bytes())
    }

    /// Checks that the store was made for this use.
    pub fn check_keep(&self, folder: &Path, asked: Keep) -> Result<(), StoreError> {
        let known = [Keep::Current, Keep::History]
            .into_iter()
            .find(|keep| keep.as_str() == self.keep);
        match known {
            Some(keep) if keep == asked => Ok(()),
            Some(keep) => Err(StoreError::KeepMismatch {
                path: folder.to_path_buf(),
                found: keep.as_str(),
                asked: asked.as_str(),
            }),
            None => Err(corrupt(
                &Self::path(folder),
                0,
                format!("keep = {}", self.keep),
            )),
        }
    }
}
