//! The records of the log.
//!
//! A record is a header of 16 bytes (CRC-32C of all that follows, length of the body, kind and number) and a body.
//! Numbers are little-endian.

use smallvec::SmallVec;
use stentor_event::{EventId, Kind};

use crate::{Former, PartyTag, Removal};

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
    /// An event left: its number; the cause, the moment, its id and what else is remembered of it.
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

    /// Of a removal: what it says.
    pub fn removal(&self) -> Option<Departure> {
        let (cause, rest) = self.body.split_first()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        Some(Departure {
            cause: Removal::from_code(*cause)?,
            time_ms: u64::from_le_bytes(*time),
            id: EventId(*id),
            former: former(EventId(*id), rest),
        })
    }
}

/// What a removal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Why.
    pub cause: Removal,
    /// When, in Unix milliseconds.
    pub time_ms: u64,
    /// The event's id.
    pub id: EventId,
    /// What is remembered of the event, if the record has more than its id.
    pub former: Option<Former>,
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

/// The body of a removal: cause, time, id; then kind, author and recipients, which first came later.
pub fn removal_body(cause: Removal, former: &Former, time_ms: u64) -> SmallVec<[u8; 64]> {
    let mut body = SmallVec::new();
    body.push(cause as u8);
    body.extend_from_slice(&time_ms.to_le_bytes());
    body.extend_from_slice(&former.id.0);
    body.extend_from_slice(&former.kind.0.to_le_bytes());
    for tag in [former.author].iter().chain(&former.recipients) {
        body.extend_from_slice(&tag.0.to_le_bytes());
    }
    body
}

/// What stands behind the id in a removal's body.
fn former(id: EventId, bytes: &[u8]) -> Option<Former> {
    let (kind, tags) = bytes.split_first_chunk()?;
    let (tags, _) = tags.as_chunks();
    let mut tags = tags.iter().map(|tag| PartyTag(u64::from_le_bytes(*tag)));
    Some(Former {
        id,
        kind: Kind(u16::from_le_bytes(*kind)),
        author: tags.next()?,
        recipients: tags.collect(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_is_read_with_and_without_what_came_later() {
        let former = Former {
            id: EventId([7; 32]),
            kind: Kind(1059),
            author: PartyTag(1),
            recipients: [PartyTag(2), PartyTag(3)].into_iter().collect(),
        };
        let body = removal_body(Removal::Deleted, &former, 1_234);
        let read = |body| {
            let (kind, number) = (RecordKind::Removed, 5);
            Record { kind, number, body }.removal()
        };
        let departure = read(&body[..]).unwrap();
        assert_eq!(departure.former.as_ref(), Some(&former));
        let short = Departure {
            former: None,
            ..departure
        };
        assert_eq!(read(&body[..41]), Some(short));
        assert_eq!(read(&body[..40]), None);
    }
}
