//! The events of a network, and which relay has which.

mod deal;
mod draft;
mod forge;
mod lists;
mod special;
mod usual;

pub(crate) use deal::{Share, deal};
pub(crate) use draft::{Authors, Draft};

/// A moment that no test sees, in seconds since 1970: the beginning of the year 2100. Events of the future and those that expire
/// later lie there, so that they do for every clock between the end of the network's events and then.
pub(crate) const FAR: u64 = 4_102_444_800;
/// Bytes of an event that count as more than anybody has to take.
pub(crate) const HUGE_BYTES: usize = 1 << 20;
