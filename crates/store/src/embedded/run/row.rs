//! What a run knows of each event.

use bytemuck::{Pod, Zeroable};
use stentor_event::EventView;

use super::Order;

/// Set in [`Row::flags`] when the event has an expiration (NIP-40).
pub const EXPIRES: u16 = 1;

/// One event in a run.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Row {
    /// Seconds since 1970.
    pub created_at: u64,
    /// The first eight bytes of the id, as a big-endian number, so that it orders like the id.
    pub id: u64,
    /// The number of the event.
    pub number: u64,
    /// The first eight bytes of the author's key. A filter to be exact compares the rest in the event.
    pub author: u64,
    /// The kind.
    pub kind: u16,
    /// See [`EXPIRES`].
    pub flags: u16,
    /// Length of the canonical JSON in bytes.
    pub length: u32,
}

impl Row {
    /// The row of an event.
    pub fn new(event: &EventView<'_>, number: u64) -> Self {
        Self {
            created_at: event.created_at().0,
            id: leading(&event.id().0),
            number,
            author: leading(&event.pubkey().0),
            kind: event.kind().0,
            flags: if event.expiration().is_some() {
                EXPIRES
            } else {
                0
            },
            length: u32::try_from(event.json().len()).unwrap_or(u32::MAX),
        }
    }

    /// Its place in answers.
    pub fn order(&self) -> Order {
        Order {
            created_at: self.created_at,
            id: self.id,
            number: self.number,
        }
    }
}

/// The first eight bytes of an id or a key, as a big-endian number.
pub fn leading(bytes: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *bytes;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
