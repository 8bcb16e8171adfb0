//! Files that the engine writes to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};

use super::files::failing;
use super::watch::{Act, act};
use crate::StoreError;

/// The permissions of a file that is made: only its owner may read it, as private messages are in it.
pub const PRIVATE: u32 = 0o600;

/// A file open for reading and writing. Its errors name it.
pub struct DiskFile {
    file: File,
    path: PathBuf,
}

impl DiskFile {
    /// Opens a file, and makes it when it is not there: readable by its owner only, as all that is made here.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_or_empty(path, false)
    }

    /// Makes a file, or empties the one that is there.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        Self::open_or_empty(path, true)
    }

    fn open_or_empty(path: &Path, empty: bool) -> Result<Self, StoreError> {
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(empty)
                .mode(PRIVATE)
                .open(path)
        };
        let file = act(path, Act::Open { empty }, open).map_err(failing("opening", path))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
        })
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself, to be mapped.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its length.
    pub fn length(&self) -> Result<u64, StoreError> {
        self.file
            .metadata()
            .map(|metadata| metadata.len())
            .map_err(failing("inspecting", &self.path))
    }

    /// Writes these bytes at this place.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        let write = || self.file.write_all_at(bytes, offset);
        act(&self.path, Act::Write { offset, bytes }, write).map_err(failing("writing", &self.path))
    }

    /// Cuts or extends it to this length.
    pub fn set_length(&self, length: u64) -> Result<(), StoreError> {
        let cut = || self.file.set_len(length);
        act(&self.path, Act::Resize(length), cut).map_err(failing("cutting", &self.path))
    }

    /// Reserves disk blocks for `offset..offset + length`, so that writing there cannot fail for lack of room.
    pub fn reserve(&self, offset: u64, length: u64) -> Result<(), StoreError> {
        let reserve = || {
            let flags = FallocateFlags::empty();
            match retry_on_intr(|| fallocate(&self.file, flags, offset, length)) {
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.fill(offset + length),
                other => Ok(other?),
            }
        };
        let end = offset + length;
        act(&self.path, Act::Reserve(end), reserve).map_err(failing("growing", &self.path))
    }

    /// Extends it with written zeros: what is done on file systems that cannot reserve. Setting the length alone would
    /// let a full disk show itself as a fault when a map is written to.
    fn fill(&self, end: u64) -> io::Result<()> {
        const ZEROS: &[u8] = &[0; 64 << 10];
        let mut at = self.file.metadata()?.len();
        while at < end {
            let part = (end - at).min(ZEROS.len() as u64);
            let zeros = ZEROS.get(..part as usize).unwrap_or(ZEROS);
            self.file.write_all_at(zeros, at)?;
            at += zeros.len() as u64;
        }
        Ok(())
    }

    /// Makes its content durable, and of the rest what is needed to read it.
    pub fn sync_content(&self) -> Result<(), StoreError> {
        self.synced(|| self.file.sync_data())
    }

    /// Makes everything about it durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.synced(|| self.file.sync_all())
    }

    fn synced(&self, sync: impl FnOnce() -> io::Result<()>) -> Result<(), StoreError> {
        act(&self.path, Act::Sync, sync).map_err(failing("syncing", &self.path))
    }
}
