//! The memory maps of the engine: the only unsafe code of this crate.
//!
//! All files mapped here are private to the engine: the folder is locked, so no other process of ours writes to them.
//! Someone who truncates or edits them from outside breaks any program that maps files.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

use memmap2::{Mmap, MmapMut, MmapOptions};

/// Maps `length` bytes of a file for reading, which may be more than the file has now. The part beyond its end must not
/// be touched before it has been written.
///
/// Used for log segments (append-only: a byte below the published end never changes) and for index runs (never
/// written to once they have their name).
pub fn map(file: &File, length: usize) -> io::Result<Mmap> {
    // SAFETY: bytes that readers are handed never change while the map exists (see above), and they lie within the
    // file, as addresses are only published for what has been written.
    unsafe { MmapOptions::new().len(length).map(file) }
}

/// Maps a new file of exactly `length` bytes for filling it.
pub fn map_new(file: &File, length: usize) -> io::Result<MmapMut> {
    // SAFETY: the file was made under a temporary name by the caller, which alone knows it, and reserved to `length`.
    unsafe { MmapOptions::new().len(length).map_mut(file) }
}

/// A part of a file that is an array of 64-bit words, shared by threads.
pub struct Words {
    map: MmapMut,
}

impl Words {
    /// Maps `count` words from byte `offset` on, which must be a multiple of the page size. The file must be at
    /// least that long.
    pub fn map(file: &File, offset: u64, count: usize) -> io::Result<Self> {
        // SAFETY: the file is only accessed through such maps, as atomic words, and reserved to cover them.
        let map = unsafe {
            MmapOptions::new()
                .offset(offset)
                .len(count * 8)
                .map_mut(file)?
        };
        Ok(Self { map })
    }

    /// The words.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the map is page-aligned and so aligned for words, lives as long as `self`, and is accessed as atomic
        // words only; AtomicU64 has the layout of u64, for which all bit patterns are valid.
        unsafe {
            std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), self.map.len() / 8)
        }
    }

    /// Makes the words durable.
    pub fn sync(&self) -> io::Result<()> {
        self.map.flush()
    }
}
