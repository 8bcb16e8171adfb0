//! Where tests stand between the engine and the disk, to note what it does there and to let it fail.
//!
//! Everything that changes the disk goes through [`act`]. Outside of tests it does nothing but the work itself.

use std::path::Path;

#[cfg(test)]
pub use super::power_cut::act;

/// A change of the disk.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look at it"))]
pub enum Act<'a> {
    /// A file is opened for writing, and made when it is not there.
    Open {
        /// Whether it is emptied.
        empty: bool,
    },
    /// Bytes are written to a file, by a call or through a map.
    Write {
        /// Where.
        offset: u64,
        /// What.
        bytes: &'a [u8],
    },
    /// A file gets this length.
    Resize(u64),
    /// A file gets at least this length.
    Reserve(u64),
    /// All of a file becomes durable.
    Sync,
    /// A file gets another name in its folder.
    Rename(&'a Path),
    /// A file is removed.
    Remove,
    /// A folder is made.
    MakeFolder,
    /// The entries of a folder become durable.
    SyncFolder,
}

/// Does something to the file or folder of this name.
#[cfg(not(test))]
#[inline(always)]
pub fn act<T>(
    _: &Path,
    _: Act<'_>,
    work: impl FnOnce() -> std::io::Result<T>,
) -> std::io::Result<T> {
    work()
}
