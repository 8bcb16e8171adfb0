//! Segments: the files of the log, mapped for reading.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{Address, Record, RecordKind};
use crate::StoreError;
use crate::embedded::files::{self, corrupt, failing};
use crate::embedded::mmap;

/// Bytes before the first record.
pub const SEGMENT_HEADER: usize = 32;

const MAGIC: &[u8; 8] = b"stntlog1";

/// One file of the log.
pub struct Segment {
    /// Its id.
    pub id: u32,
    /// The id of the segment whose content this is: its own for one written by commits, that of the original for a
    /// compacted copy. The order of time.
    pub order: u32,
    /// Of a compacted copy: its bytes that are no events, which compacting it again would not give back.
    pub overhead: u32,
    /// Its file's name; the file itself may have been deleted while somebody still reads it.
    pub path: PathBuf,
    file: File,
    bytes: Bytes,
}

impl Segment {
    /// The file of a segment.
    pub fn path(folder: &Path, id: u32) -> PathBuf {
        folder.join(format!("{id:010}.log"))
    }

    /// The header of a segment's file.
    pub fn header(id: u32, order: u32, overhead: u32) -> [u8; SEGMENT_HEADER] {
        let mut fields = Vec::with_capacity(SEGMENT_HEADER);
        fields.extend_from_slice(MAGIC);
        fields.extend_from_slice(&id.to_le_bytes());
        fields.extend_from_slice(&order.to_le_bytes());
        fields.extend_from_slice(&overhead.to_le_bytes());
        fields.extend_from_slice(&crc32c::crc32c(&fields).to_le_bytes());
        let mut header = [0; SEGMENT_HEADER];
        header
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        header
    }

    /// Maps a segment's file, and room for it to grow up to `largest` bytes. `None`: nothing was ever written to it.
    pub fn open(path: &Path, largest: usize) -> Result<Option<Self>, StoreError> {
        let file = File::open(path).map_err(failing("opening", path))?;
        let length = file.metadata().map_err(failing("inspecting", path))?.len() as usize;
        if length == 0 {
            return Ok(None);
        }
        let map = mmap::map(&file, length.max(largest)).map_err(failing("mapping", path))?;
        let bytes = Bytes::from_owner(map);
        let content = bytes.get(..length.min(bytes.len())).unwrap_or_default();
        match content.get(..SEGMENT_HEADER).and_then(Self::parse_header) {
            Some([id, order, overhead]) => Ok(Some(Self {
                id,
                order,
                overhead,
                path: path.to_path_buf(),
                file,
                bytes,
            })),
            // The header becomes durable with the first batch: without it, nothing in the file was acknowledged.
            None if content.iter().take(SEGMENT_HEADER).all(|byte| *byte == 0)
                && super::replay::is_one_batch(
                    content.get(SEGMENT_HEADER..).unwrap_or_default(),
                ) =>
            {
                Ok(None)
            }
            None => Err(corrupt(path, 0, "the segment's header is damaged")),
        }
    }

    /// Id, order and overhead.
    fn parse_header(header: &[u8]) -> Option<[u32; 3]> {
        let field = |at: usize| {
            let bytes = header.get(at..)?.first_chunk()?;
            Some(u32::from_le_bytes(*bytes))
        };
        if header.get(..8)? != MAGIC || field(20)? != crc32c::crc32c(header.get(..20)?) {
            return None;
        }
        Some([field(8)?, field(12)?, field(16)?])
    }

    /// Whether this is a compacted copy.
    pub fn is_copy(&self) -> bool {
        self.id != self.order
    }

    /// What the file holds now, without the part of a map that lies beyond its end.
    pub fn content(&self) -> Result<&[u8], StoreError> {
        let length = self
            .file
            .metadata()
            .map_err(failing("inspecting", &self.path))?
            .len();
        Ok(self
            .bytes
            .get(..self.bytes.len().min(length as usize))
            .unwrap_or_default())
    }

    /// The record at this offset, which must have been published.
    pub fn record(&self, offset: u32) -> Option<Record<'_>> {
        Record::peek(self.bytes.get(offset as usize..)?)
    }

    /// The event at this offset, sharing the map's memory.
    fn event(&self, offset: u32, number: u64) -> Option<Bytes> {
        let record = self.record(offset)?;
        let start = offset as usize + super::HEADER;
        (record.kind == RecordKind::Added && record.number == number)
            .then(|| self.bytes.slice(start..start + record.body.len()))
    }
}

/// All segments, for readers.
pub struct Log {
    /// The folder.
    pub folder: PathBuf,
    /// Largest size of a segment, unless a single batch is larger. A batch always lies in one segment.
    pub segment_bytes: usize,
    segments: ArcSwap<BTreeMap<u32, Arc<Segment>>>,
    next_id: AtomicU32,
    /// The segment that commits are being appended to; 0: none.
    active: AtomicU32,
}

impl Log {
    /// Opens all segments of a folder. A file that was begun and never written to is removed.
    pub fn open(folder: &Path, segment_bytes: usize) -> Result<Self, StoreError> {
        files::create_dir(folder)?;
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failing("reading", folder))? {
            let path = entry.map_err(failing("reading", folder))?.path();
            match path.extension().and_then(|e| e.to_str()) {
                Some("log") => paths.push(path),
                Some("tmp") => files::remove(&path)?,
                _ => {}
            }
        }
        let mut segments = BTreeMap::new();
        for path in paths {
            match Segment::open(&path, 0)? {
                Some(segment) => drop(segments.insert(segment.id, Arc::new(segment))),
                None => files::remove(&path)?,
            }
        }
        let next_id = AtomicU32::new(segments.last_key_value().map_or(1, |(id, _)| id + 1));
        Ok(Self {
            folder: folder.to_path_buf(),
            segment_bytes,
            segments: ArcSwap::from_pointee(segments),
            next_id,
            active: AtomicU32::new(0),
        })
    }

    /// The id of a new segment.
    pub fn take_id(&self) -> u32 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The segment that commits are being appended to; 0: none.
    pub fn active(&self) -> u32 {
        self.active.load(Ordering::Acquire)
    }

    /// Names the segment that commits are appended to from now on; 0: none.
    pub fn set_active(&self, id: u32) {
        self.active.store(id, Ordering::Release);
    }

    /// All segments, by id.
    pub fn segments(&self) -> Arc<BTreeMap<u32, Arc<Segment>>> {
        self.segments.load_full()
    }

    /// Adds or replaces a segment.
    pub fn insert(&self, segment: Arc<Segment>) {
        self.segments.rcu(|segments| {
            let mut segments = segments.as_ref().clone();
            segments.insert(segment.id, segment.clone());
            segments
        });
    }

    /// Takes a segment out; who still reads it keeps its memory.
    pub fn forget(&self, id: u32) {
        self.segments.rcu(|segments| {
            let mut segments = segments.as_ref().clone();
            segments.remove(&id);
            segments
        });
    }

    /// The JSON of an event; `None` when the place does not hold it (it was moved or is gone).
    pub fn event(&self, address: Address, number: u64) -> Option<Bytes> {
        self.segments
            .load()
            .get(&address.segment)?
            .event(address.offset, number)
    }

    /// Bytes of all segments on disk.
    pub fn disk_bytes(&self) -> u64 {
        let segments = self.segments.load();
        segments
            .values()
            .filter_map(|s| s.file.metadata().ok())
            .map(|m| m.len())
            .sum()
    }
}
