//! The manifest: what an export consists of. It is written last, so that an export without one is not finished.
//!
//! Its bytes are a function of what is exported: no time of writing is in it, its files are in the order of their names. Its
//! SHA-256 therefore names the export.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stentor_event::hexadecimal;
use thiserror::Error;

use super::name::{Format, Name};

mod written;

#[cfg(test)]
mod tests;

/// The name of its file.
pub(super) const FILE: &str = "manifest.json";
/// The name of the file in which an export that is under way, or was ended early, keeps what it knows of what is there.
pub(super) const OLD_FILE: &str = "manifest.old.json";
/// The version of the format that is described in `docs/research.md`.
const VERSION: u32 = 1;
/// The most bytes of a manifest that is read: those of the most files.
pub(super) const MOST_BYTES: u64 = 512 << 20;
/// The most files of an export. A thousand days of a thousand kinds are as many.
pub(super) const MOST_FILES: usize = 1_000_000;

/// What was exported: all conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Events of this second or later, in Unix time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<u64>,
    /// Events of this second or earlier, in Unix time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
    /// Events of these kinds, ascending; none: of all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kinds: Vec<u16>,
}

/// A SHA-256, in hex.
pub(super) type Hash = [u8; 32];

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Hash,
    /// What tells whether it has to be written anew: the SHA-256 of what its rows are identified by, over all parts.
    pub content: Hash,
    /// The least and the greatest time of its events.
    pub created_at: Option<(u64, u64)>,
}

/// What an export consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// What has written it.
    pub made_with: String,
    /// The form of its tables.
    pub format: Format,
    /// What was exported.
    pub selection: Selection,
    /// Whether who holds what is a part of it.
    pub provenance: bool,
    /// Its files.
    pub files: BTreeMap<Name, File>,
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Not JSON, or not of this shape.
    #[error("the manifest cannot be read: {0}")]
    Form(String),
    /// Of another version.
    #[error("the manifest has version {0}; this program knows 1")]
    Version(u32),
    /// A file that no export has.
    #[error("the manifest names {0:?}, which no export has")]
    Name(String),
    /// A file twice.
    #[error("the manifest names {0} twice")]
    Twice(String),
    /// Too many files.
    #[error("the manifest names more than {MOST_FILES} files")]
    Files,
}

impl Manifest {
    /// Rows of a table.
    pub fn rows(&self, table: &str) -> u64 {
        let files = self.files.iter().filter(|(name, _)| name.table() == table);
        files.fold(0, |sum: u64, (_, file)| sum.saturating_add(file.rows))
    }
}

/// By what a manifest of these bytes is named: their SHA-256, in hex.
pub(super) fn name(bytes: &[u8]) -> String {
    hexadecimal::encode(&Sha256::digest(bytes))
}
