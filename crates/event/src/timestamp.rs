//! Seconds since 1970.

use std::fmt;

/// A point in time in whole seconds since 1970-01-01T00:00:00Z; on the wire 0 to 2^63−1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The largest value that the wire form can carry, 2^63−1.
    pub const MAX: Self = Self(i64::MAX as u64);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
