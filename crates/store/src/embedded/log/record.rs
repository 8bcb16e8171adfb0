//! The records of the log.
//!
//! A record is a header of 16 bytes (CRC-32C of all that follows, length of the body, kind and number) and a body.
//! Numbers are little-endian.

use stentor_event::EventId;

use crate::Removal;

/// Bytes of a record's header.
pub const HEADER: usize = 16;

/// Opens the body of a commit record, so that one can be searched for.
pub const COMMIT_MAGIC: &[u8; 8] = b"stntcmt1";

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// An event: its number; its canonical JSON.
    Added = 1,
    /// An event left: its number; the cause and its id.
    Removed = 2,
    /// The end of a batch: the position in the feed of its first entry; when, and how many records and bytes.
    Commit = 3,
    /// A reader's cursor: the position in the feed; the reader's name.
    Cursor = 4,
    /// What compaction leaves of an event that is gone: its number.
    Erased = 5,
}

impl RecordKind {
    fn from_code(code: u64) -> Option<Self> {
        match code {
            1 => Some(Self::Added),
            2 => Some(Self::Removed),
            3 => Some(Self::Commit),
            4 => Some(Self::Cursor),
            5 => Some(Self::Erased),
            _ => None,
        }
    }
}

/// A record read back.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// What it is.
    pub kind: RecordKind,
    /// Its number: of an event, or a position in the feed.
    pub number: u64,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Appends a record to a buffer.
    pub fn write(buffer: &mut Vec<u8>, kind: RecordKind, number: u64, body: &[u8]) {
        let length = body.len() as u32;
        let word = ((kind as u64) << 56) | (number & (u64::MAX >> 8));
        let mut checksum = crc32c::crc32c(&length.to_le_bytes());
        checksum = crc32c::crc32c_append(checksum, &word.to_le_bytes());
        checksum = crc32c::crc32c_append(checksum, body);
        buffer.extend_from_slice(&checksum.to_le_bytes());
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&word.to_le_bytes());
        buffer.extend_from_slice(body);
    }

    /// Reads the record at the start of these bytes without looking at its checksum.
    pub fn peek(bytes: &'a [u8]) -> Option<Self> {
        let length = u32::from_le_bytes(*bytes.get(4..8)?.first_chunk()?) as usize;
        let word = u64::from_le_bytes(*bytes.get(8..16)?.first_chunk()?);
        let body = bytes.get(HEADER..HEADER.checked_add(length)?)?;
        Some(Self {
            kind: RecordKind::from_code(word >> 56)?,
            number: word & (u64::MAX >> 8),
            body,
        })
    }

    /// Reads the record at the start of these bytes; `None` when it is damaged or there is none.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let record = Self::peek(bytes)?;
        let checksum = u32::from_le_bytes(*bytes.first_chunk()?);
        (checksum == crc32c::crc32c(bytes.get(4..HEADER + record.body.len())?)).then_some(record)
    }

    /// Bytes of the whole record.
    pub fn length(&self) -> usize {
        HEADER + self.body.len()
    }

    /// Of a commit record: what it says.
    pub fn commit(&self) -> Option<Commit> {
        let (time_ms, rest) = self.body.strip_prefix(COMMIT_MAGIC)?.split_first_chunk()?;
        let (records, rest) = rest.split_first_chunk()?;
        Some(Commit {
            time_ms: u64::from_le_bytes(*time_ms),
            records: u32::from_le_bytes(*records),
            bytes: u32::from_le_bytes(*rest.first_chunk()?),
        })
    }

    /// Of a removal: the cause, the event's id, and when it happened in Unix milliseconds.
    pub fn removal(&self) -> Option<(Removal, EventId, u64)> {
        let (cause, rest) = self.body.split_first()?;
        let (time, id) = rest.split_first_chunk()?;
        Some((
            Removal::from_code(*cause)?,
            EventId(*id.first_chunk()?),
            u64::from_le_bytes(*time),
        ))
    }
}

/// What a commit record says of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// When it was committed, in Unix milliseconds.
    pub time_ms: u64,
    /// The records before this one.
    pub records: u32,
    /// Their bytes: so far before this record the batch starts.
    pub bytes: u32,
}

/// The body of a removal.
pub fn removal_body(cause: Removal, id: &EventId, time_ms: u64) -> [u8; 41] {
    let mut body = [cause as u8; 41];
    if let Some((time, rest)) = body.split_at_mut(1).1.split_first_chunk_mut() {
        *time = time_ms.to_le_bytes();
        rest.copy_from_slice(&id.0);
    }
    body
}

/// The body of a commit record.
pub fn commit_body(commit: Commit) -> [u8; 24] {
    let mut body = [0; 24];
    let fields = COMMIT_MAGIC
        .iter()
        .copied()
        .chain(commit.time_ms.to_le_bytes())
        .chain(commit.records.to_le_bytes())
        .chain(commit.bytes.to_le_bytes());
    body.iter_mut()
        .zip(fields)
        .for_each(|(to, from)| *to = from);
    body
}
