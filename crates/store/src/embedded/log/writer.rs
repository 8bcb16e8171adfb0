//! Appending to the log.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::segment::SEGMENT_HEADER;
use super::{Address, BatchBuffer, Log, SEGMENT_BYTES, Segment};
use crate::StoreError;
use crate::embedded::files::{self, failing, io_error};

/// Largest batch; the caller keeps to it.
pub const BATCH_BYTES: usize = SEGMENT_BYTES / 4;

/// Disk blocks are reserved in steps of this many bytes: a commit into reserved blocks changes no file size, so that its
/// sync has less to write, and a full disk is found out before anything is written.
const RESERVE_BYTES: u64 = 4 << 20;

struct Active {
    id: u32,
    file: File,
    path: PathBuf,
    at: u64,
    reserved: u64,
}

/// The only writer of a log.
pub struct Writer {
    log: Arc<Log>,
    active: Option<Active>,
    poisoned: Option<String>,
}

impl Writer {
    /// Goes on at the end of the newest segment, which `end` names; what lies behind is cut off.
    pub fn open(log: Arc<Log>, end: Option<Address>) -> Result<Self, StoreError> {
        let mut writer = Self {
            log,
            active: None,
            poisoned: None,
        };
        if let Some(end) = end {
            writer.resume(end)?;
        }
        Ok(writer)
    }

    fn resume(&mut self, end: Address) -> Result<(), StoreError> {
        let path = Segment::path(&self.log.folder, end.segment);
        let file = files::open_rw(&path)?;
        file.set_len(u64::from(end.offset))
            .map_err(failing("cutting", &path))?;
        file.sync_all().map_err(failing("syncing", &path))?;
        self.activate(end.segment, file, path, u64::from(end.offset))
    }

    fn activate(&mut self, id: u32, file: File, path: PathBuf, at: u64) -> Result<(), StoreError> {
        let segment = Segment::open(&path, true)?
            .ok_or_else(|| files::corrupt(&path, 0, "the segment's header is missing"))?;
        self.log.insert(Arc::new(segment));
        self.log.set_active(id);
        self.active = Some(Active {
            id,
            file,
            path,
            at,
            reserved: at,
        });
        Ok(())
    }

    /// Where the next record goes, if a segment is open.
    pub fn end(&self) -> Option<Address> {
        self.active.as_ref().map(|active| Address {
            segment: active.id,
            offset: active.at as u32,
        })
    }

    /// Appends a closed batch durably; returns where it starts. After a full disk the log is as it was before, and
    /// appending may be tried again; after another failure it is read-only.
    pub fn append(&mut self, batch: &BatchBuffer) -> Result<Address, StoreError> {
        if let Some(reason) = &self.poisoned {
            return Err(StoreError::Poisoned(reason.clone()));
        }
        let result = self.try_append(batch.bytes());
        match &result {
            Err(StoreError::DiskFull { .. }) => self.take_back(),
            Err(error) => self.poisoned = Some(error.to_string()),
            Ok(_) => {}
        }
        result
    }

    fn try_append(&mut self, bytes: &[u8]) -> Result<Address, StoreError> {
        let full = self
            .active
            .as_ref()
            .is_some_and(|a| a.at as usize + bytes.len() > SEGMENT_BYTES);
        if full {
            self.seal()?;
        }
        if self.active.is_none() {
            self.begin()?;
        }
        let Some(active) = &mut self.active else {
            return Err(StoreError::Closed);
        };
        active.write(bytes)
    }

    /// Begins a new segment. Its header becomes durable with the first batch.
    fn begin(&mut self) -> Result<(), StoreError> {
        let id = self.log.take_id();
        let path = Segment::path(&self.log.folder, id);
        let file = files::open_rw(&path)?;
        let header = Segment::header(id, id);
        file.write_all_at(&header, 0)
            .map_err(failing("writing", &path))?;
        files::sync_dir(&self.log.folder)?;
        self.activate(id, file, path, SEGMENT_HEADER as u64)
    }

    /// Closes the active segment at its exact length; the next batch begins a new one.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        let Some(active) = self.active.take() else {
            return Ok(());
        };
        active
            .file
            .set_len(active.at)
            .map_err(failing("cutting", &active.path))?;
        active
            .file
            .sync_all()
            .map_err(failing("syncing", &active.path))?;
        if let Some(segment) = Segment::open(&active.path, false)? {
            self.log.insert(Arc::new(segment));
        }
        self.log.set_active(0);
        Ok(())
    }

    /// Gives the reserved blocks back.
    pub fn trim(&mut self) -> Result<(), StoreError> {
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        active
            .file
            .set_len(active.at)
            .map_err(failing("cutting", &active.path))?;
        active.reserved = active.at;
        active
            .file
            .sync_all()
            .map_err(failing("syncing", &active.path))
    }

    /// Cuts off what a failed write may have left.
    fn take_back(&mut self) {
        if let Err(error) = self.trim() {
            self.poisoned = Some(error.to_string());
        }
    }
}

impl Active {
    fn write(&mut self, bytes: &[u8]) -> Result<Address, StoreError> {
        let end = self.at + bytes.len() as u64;
        if end > self.reserved {
            let length = (end - self.reserved).next_multiple_of(RESERVE_BYTES);
            let length = length
                .min((SEGMENT_BYTES as u64).saturating_sub(self.reserved))
                .max(end - self.reserved);
            files::reserve(&self.file, &self.path, self.reserved, length)?;
            self.reserved += length;
        }
        self.file
            .write_all_at(bytes, self.at)
            .map_err(failing("writing", &self.path))?;
        rustix::fs::fdatasync(&self.file)
            .map_err(|e| io_error("syncing", &self.path, &e.into()))?;
        let address = Address {
            segment: self.id,
            offset: self.at as u32,
        };
        self.at = end;
        Ok(address)
    }
}
