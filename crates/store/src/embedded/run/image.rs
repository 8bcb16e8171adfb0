//! The bytes of a run: a header and aligned sections, the same in memory and in a file.

use std::ops::Range;
use std::path::Path;

use bytemuck::{Pod, Zeroable};
use memmap2::{Mmap, MmapMut};

use super::Row;
use crate::StoreError;
use crate::embedded::files::corrupt;

/// `b"stntrun1"`, as a native number: a file from a machine of the other byte order is refused.
const MAGIC: u64 = u64::from_le_bytes(*b"stntrun1");
const ALIGN: usize = 16;

/// How many elements each section has room for, and how many it holds.
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Sizes {
    /// Events.
    pub rows: u64,
    /// Distinct keys.
    pub keys: u64,
    /// Ranks under all keys.
    pub postings: u64,
    /// Events with an expiration.
    pub expiries: u64,
}

/// The header of an image.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    magic: u64,
    /// The first event number that the run covers.
    pub first: u64,
    /// One more than the last event number that the run covers.
    pub end: u64,
    /// CRC-32C of everything behind the header, or 0 for a run that was never written to a file.
    pub checksum: u64,
    /// What the sections have room for; their places follow from this.
    pub room: Sizes,
    /// What they hold.
    pub held: Sizes,
    reserved: [u64; 4],
}

const HEADER: usize = size_of::<Header>();

/// Where the sections are.
#[derive(Debug, Clone)]
pub struct Layout {
    pub rows: Range<usize>,
    pub ids: Range<usize>,
    pub id_ranks: Range<usize>,
    pub keys: Range<usize>,
    pub starts: Range<usize>,
    pub postings: Range<usize>,
    pub expiries: Range<usize>,
    /// Bytes of the whole image.
    pub total: usize,
}

impl Layout {
    /// The places of sections with this room, and, within them, of this content.
    fn new(room: &Sizes, held: &Sizes) -> Self {
        let mut at = HEADER;
        let mut section = |room: u64, held: u64, width: usize| {
            let start = at;
            at = (at + room as usize * width).next_multiple_of(ALIGN);
            start..start + held as usize * width
        };
        let rows = section(room.rows, held.rows, size_of::<Row>());
        let ids = section(room.rows, held.rows, 8);
        let id_ranks = section(room.rows, held.rows, 4);
        let keys = section(room.keys, held.keys, 16);
        let starts = section(room.keys + 1, held.keys + 1, 4);
        let postings = section(room.postings, held.postings, 4);
        let expiries = section(room.expiries, held.expiries, 16);
        Self {
            rows,
            ids,
            id_ranks,
            keys,
            starts,
            postings,
            expiries,
            total: at,
        }
    }
}

enum Memory {
    Heap(Vec<u128>),
    Mapped(Mmap),
}

/// A finished image.
pub struct Image {
    memory: Memory,
    header: Header,
    layout: Layout,
}

impl Image {
    fn new(memory: Memory, header: Header) -> Self {
        let layout = Layout::new(&header.room, &header.held);
        Self {
            memory,
            header,
            layout,
        }
    }

    /// An image from a file; the checksum is only looked at by [`Image::intact`].
    pub fn from_map(map: Mmap, path: &Path) -> Result<Self, StoreError> {
        let header: Header = map
            .get(..HEADER)
            .and_then(|bytes| bytemuck::try_pod_read_unaligned(bytes).ok())
            .ok_or_else(|| corrupt(path, 0, "too short for an index run"))?;
        if header.magic != MAGIC {
            return Err(corrupt(
                path,
                0,
                "not an index run of this machine's byte order",
            ));
        }
        let total = Layout::new(&header.room, &header.held).total;
        if total > map.len() {
            return Err(corrupt(
                path,
                map.len() as u64,
                format!("{total} bytes were written"),
            ));
        }
        Ok(Self::new(Memory::Mapped(map), header))
    }

    /// Whether the content is what was written (files only).
    pub fn intact(&self) -> bool {
        let body = self
            .bytes()
            .get(HEADER..self.layout.total)
            .unwrap_or_default();
        self.header.checksum == checksum(body)
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the image.
    pub fn len(&self) -> usize {
        self.layout.total
    }

    /// Whether it lies in memory only.
    pub fn in_memory(&self) -> bool {
        matches!(self.memory, Memory::Heap(_))
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(words) => bytemuck::cast_slice(words),
            Memory::Mapped(map) => map,
        }
    }

    fn section<T: Pod>(&self, range: &Range<usize>) -> &[T] {
        let bytes = self.bytes().get(range.clone()).unwrap_or_default();
        bytemuck::try_cast_slice(bytes).unwrap_or_default()
    }

    /// The events in the order of answers.
    pub fn rows(&self) -> &[Row] {
        self.section(&self.layout.rows)
    }

    /// Leading bits of the ids, sorted.
    pub fn ids(&self) -> &[u64] {
        self.section(&self.layout.ids)
    }

    /// The ranks of [`Image::ids`].
    pub fn id_ranks(&self) -> &[u32] {
        self.section(&self.layout.id_ranks)
    }

    /// The keys, sorted.
    pub fn keys(&self) -> &[u128] {
        self.section(&self.layout.keys)
    }

    /// Where the postings of each key start; one more than there are keys.
    pub fn starts(&self) -> &[u32] {
        self.section(&self.layout.starts)
    }

    /// Ranks.
    pub fn postings(&self) -> &[u32] {
        self.section(&self.layout.postings)
    }

    /// Expiration times and event numbers, sorted.
    pub fn expiries(&self) -> &[[u64; 2]] {
        self.section(&self.layout.expiries)
    }
}

enum Building {
    Heap(Vec<u128>),
    Mapped(MmapMut),
}

/// An image being filled.
pub struct Draft {
    memory: Building,
    header: Header,
    layout: Layout,
}

/// The sections of a [`Draft`], with all their room.
pub struct Sections<'a> {
    pub rows: &'a mut [Row],
    pub ids: &'a mut [u64],
    pub id_ranks: &'a mut [u32],
    pub keys: &'a mut [u128],
    pub starts: &'a mut [u32],
    pub postings: &'a mut [u32],
    pub expiries: &'a mut [[u64; 2]],
}

impl Draft {
    /// Bytes that an image with this room takes.
    pub fn bytes_for(room: &Sizes) -> usize {
        Layout::new(room, room).total
    }

    fn start(memory: Building, room: Sizes, numbers: Range<u64>) -> Self {
        let zero = Sizes::default();
        let header = Header {
            magic: MAGIC,
            first: numbers.start,
            end: numbers.end,
            checksum: 0,
            room,
            held: zero,
            reserved: [0; 4],
        };
        Self {
            memory,
            header,
            layout: Layout::new(&room, &room),
        }
    }

    /// In memory.
    pub fn on_heap(room: Sizes, numbers: Range<u64>) -> Self {
        let words = vec![0; Self::bytes_for(&room) / ALIGN];
        Self::start(Building::Heap(words), room, numbers)
    }

    /// In a mapped file of [`Draft::bytes_for`] bytes.
    pub fn on_file(map: MmapMut, room: Sizes, numbers: Range<u64>) -> Self {
        Self::start(Building::Mapped(map), room, numbers)
    }

    /// The sections to fill.
    pub fn sections(&mut self) -> Sections<'_> {
        let layout = self.layout.clone();
        let bytes: &mut [u8] = match &mut self.memory {
            Building::Heap(words) => bytemuck::cast_slice_mut(words),
            Building::Mapped(map) => map,
        };
        let mut rest = Cut { rest: bytes, at: 0 };
        Sections {
            rows: rest.cut(&layout.rows),
            ids: rest.cut(&layout.ids),
            id_ranks: rest.cut(&layout.id_ranks),
            keys: rest.cut(&layout.keys),
            starts: rest.cut(&layout.starts),
            postings: rest.cut(&layout.postings),
            expiries: rest.cut(&layout.expiries),
        }
    }

    /// Finishes an image in memory, or writes header and checksum of one in a file and syncs it.
    pub fn finish(mut self, held: Sizes) -> std::io::Result<Image> {
        self.header.held = held;
        match self.memory {
            Building::Heap(words) => Ok(Image::new(Memory::Heap(words), self.header)),
            Building::Mapped(mut map) => {
                let body = map.get(HEADER..self.layout.total).unwrap_or_default();
                self.header.checksum = checksum(body);
                if let Some(place) = map.get_mut(..HEADER) {
                    place.copy_from_slice(bytemuck::bytes_of(&self.header));
                }
                map.flush()?;
                Ok(Image::new(
                    Memory::Mapped(map.make_read_only()?),
                    self.header,
                ))
            }
        }
    }
}

/// Never 0, which stands for "none".
fn checksum(body: &[u8]) -> u64 {
    u64::from(crc32c::crc32c(body)) | (1 << 32)
}

/// Cuts typed slices out of a byte slice, front to back.
struct Cut<'a> {
    rest: &'a mut [u8],
    at: usize,
}

impl<'a> Cut<'a> {
    fn cut<T: Pod>(&mut self, range: &Range<usize>) -> &'a mut [T] {
        let rest = std::mem::take(&mut self.rest);
        let skip = range.start.saturating_sub(self.at).min(rest.len());
        let (_, rest) = rest.split_at_mut(skip);
        let (section, rest) = rest.split_at_mut(range.len().min(rest.len()));
        self.rest = rest;
        self.at = range.end;
        bytemuck::try_cast_slice_mut(section).unwrap_or_default()
    }
}
