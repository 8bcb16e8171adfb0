//! Places in the log.

/// Where a record starts: a segment and a byte in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The segment's id; below 2^31.
    pub segment: u32,
    /// The byte.
    pub offset: u32,
}

impl Address {
    /// Packed in the lower 63 bits.
    pub fn pack(self) -> u64 {
        (u64::from(self.segment) << 32) | u64::from(self.offset)
    }

    /// From [`Address::pack`].
    pub fn unpack(word: u64) -> Self {
        Self {
            segment: (word >> 32) as u32,
            offset: word as u32,
        }
    }

    /// Further on in the same segment.
    pub fn plus(self, bytes: u32) -> Self {
        Self {
            segment: self.segment,
            offset: self.offset.saturating_add(bytes),
        }
    }
}
