//! Appending to the log.

use std::path::Path;
use std::sync::Arc;

use super::segment::SEGMENT_HEADER;
use super::{Address, BatchBuffer, Log, Segment, Tail};
use crate::StoreError;
use crate::embedded::disk::DiskFile;
use crate::embedded::files::{self, corrupt};

/// Disk blocks are reserved in steps of this many bytes: a commit into reserved blocks changes no file size, so that its
/// sync has less to write, and a full disk is found out before anything is written.
const RESERVE_BYTES: u64 = 4 << 20;

struct Active {
    id: u32,
    file: DiskFile,
    /// Where the next batch goes.
    at: u64,
    /// Up to here there are blocks.
    reserved: u64,
    /// Up to here readers can see it.
    mapped: u64,
}

/// The only writer of a log.
pub struct Writer {
    log: Arc<Log>,
    active: Option<Active>,
    poisoned: Option<String>,
}

impl Writer {
    /// Goes on at the end of the log; what lies behind is cut off.
    pub fn open(log: Arc<Log>, tail: &Tail) -> Result<Self, StoreError> {
        let mut writer = Self {
            log,
            active: None,
            poisoned: None,
        };
        if let Some(end) = tail.end {
            let last = tail.last.filter(|last| last.segment == end.segment);
            writer.resume(end, last.unwrap_or(end))?;
        }
        Ok(writer)
    }

    /// Makes sure that what was found is durable: whoever wrote it was perhaps killed before it was, or was told by the
    /// system that it could not be. In the latter case a sync alone does nothing, as the system takes what it failed to
    /// write for written; so the last batch is written again.
    fn resume(&mut self, end: Address, last: Address) -> Result<(), StoreError> {
        let path = Segment::path(&self.log.folder, end.segment);
        let segments = self.log.segments();
        let content = segments
            .get(&end.segment)
            .map_or(Ok(&[][..]), |segment| segment.content())?;
        let batch = content
            .get(last.offset as usize..end.offset as usize)
            .unwrap_or_default();
        let file = DiskFile::open(&path)?;
        file.write_at(batch, u64::from(last.offset))?;
        file.set_length(u64::from(end.offset))?;
        file.sync()?;
        files::sync_dir(&self.log.folder)?;
        self.activate(end.segment, file, u64::from(end.offset), 0)
    }

    /// Appends to this file from now on, which is mapped for a batch that ends at `end`, at least.
    fn activate(&mut self, id: u32, file: DiskFile, at: u64, end: u64) -> Result<(), StoreError> {
        let mapped = self.log.segment_bytes.max(at.max(end) as usize);
        let segment = Segment::open(file.path(), mapped)?
            .ok_or_else(|| corrupt(file.path(), 0, "the segment's header is missing"))?;
        self.log.insert(Arc::new(segment));
        self.log.set_active(id);
        self.active = Some(Active {
            id,
            file,
            at,
            reserved: at,
            mapped: mapped as u64,
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

    /// Appends a closed batch durably; returns where it starts. When it fails before anything was written, or for lack of
    /// room, the log is as it was before and appending may be tried again; otherwise it is read-only from then on.
    pub fn append(&mut self, batch: &BatchBuffer) -> Result<Address, StoreError> {
        self.check()?;
        let bytes = batch.bytes();
        let length = bytes.len() as u64;
        if self.active.as_ref().is_some_and(|a| a.is_full(length)) {
            self.seal()?;
        }
        if self.active.is_none() {
            self.begin(length)?;
        }
        let Some(active) = &mut self.active else {
            return Err(StoreError::Closed);
        };
        active.reserve(length, self.log.segment_bytes as u64)?;
        match active.file.write_at(bytes, active.at) {
            Err(error @ StoreError::DiskFull { .. }) => {
                // Whatever of it was written is cut off.
                self.trim()?;
                return Err(error);
            }
            Err(error) => return Err(self.poison(error)),
            Ok(()) => {}
        }
        let start = active.commit(length);
        start.map_err(|error| self.poison(error))
    }

    /// Refuses when an earlier failure has left the end of the log unknown.
    fn check(&self) -> Result<(), StoreError> {
        match &self.poisoned {
            Some(reason) => Err(StoreError::Poisoned(reason.clone())),
            None => Ok(()),
        }
    }

    fn poison(&mut self, error: StoreError) -> StoreError {
        self.poisoned = Some(error.to_string());
        error
    }

    /// Begins a new segment, for a batch of this length. Its header becomes durable with the first batch.
    fn begin(&mut self, length: u64) -> Result<(), StoreError> {
        let id = self.log.take_id();
        let path = Segment::path(&self.log.folder, id);
        let begun = self.begin_in(id, &path, length);
        begun.inspect_err(|_| drop(files::remove(&path)))
    }

    fn begin_in(&mut self, id: u32, path: &Path, length: u64) -> Result<(), StoreError> {
        let file = DiskFile::create(path)?;
        file.write_at(&Segment::header(id, id, 0), 0)?;
        files::sync_dir(&self.log.folder)?;
        let at = SEGMENT_HEADER as u64;
        self.activate(id, file, at, at + length)
    }

    /// Closes the active segment at its exact length; the next batch begins a new one.
    pub fn seal(&mut self) -> Result<(), StoreError> {
        self.trim()?;
        self.active = None;
        self.log.set_active(0);
        Ok(())
    }

    /// Gives back the reserved blocks, and with them what a failed write has left there.
    pub fn trim(&mut self) -> Result<(), StoreError> {
        self.check()?;
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        active.reserved = active.at;
        let cut = active.file.set_length(active.at);
        let trimmed = cut.and_then(|()| active.file.sync());
        trimmed.map_err(|error| self.poison(error))
    }
}

impl Active {
    fn is_full(&self, length: u64) -> bool {
        self.at + length > self.mapped
    }

    fn reserve(&mut self, length: u64, segment_bytes: u64) -> Result<(), StoreError> {
        let missing = (self.at + length).saturating_sub(self.reserved);
        if missing == 0 {
            return Ok(());
        }
        let step = missing
            .next_multiple_of(RESERVE_BYTES)
            .min(segment_bytes.saturating_sub(self.reserved))
            .max(missing);
        self.file.reserve(self.reserved, step)?;
        self.reserved += step;
        Ok(())
    }

    /// Makes the batch behind the end durable and part of the log; returns where it starts.
    fn commit(&mut self, length: u64) -> Result<Address, StoreError> {
        self.file.sync_content()?;
        let start = Address {
            segment: self.id,
            offset: self.at as u32,
        };
        self.at += length;
        Ok(start)
    }
}
