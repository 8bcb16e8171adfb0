//! The order of answers.

use std::cmp::Ordering;

/// `created_at` descending, then id ascending (NIP-01). Sorts first what is returned first.
///
/// Of the id only 64 bits are compared; two events of the same second that share these would be ordered by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Seconds since 1970.
    pub created_at: u64,
    /// The leading 64 bits of the id.
    pub id: u64,
    /// The number of the event.
    pub number: u64,
}

impl Order {
    /// Before everything.
    pub const FIRST: Self = Self {
        created_at: u64::MAX,
        id: 0,
        number: 0,
    };
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .created_at
            .cmp(&self.created_at)
            .then(self.id.cmp(&other.id))
            .then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
