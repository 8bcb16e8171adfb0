//! Who holds what: pairs of a relay and an event, when the pair was first seen, and how (O3.3).
//!
//! Pairs are kept as bitmaps over the numbers that the archive's store gives its events, in chunks of 65,536 (`bits`, `chunk`), their
//! first-seen times beside them (`times`). What is asked of all pairs is counted in the transaction that takes them down:
//! how many copies each event has and who alone holds it (`copies`), events and exclusive events by relay, events by number of copies
//! (`tally`), and how long events take to arrive (`latency`). So no answer has to go through pairs.
//!
//! `credit` is called by who receives events and has recomputed their ids; `forget` by the reader of the archive's change feed. Both are
//! idempotent and come in any order: a number that is gone stays gone, so a pair that is credited too late counts for nothing.

mod among;
mod bits;
mod chunk;
mod copies;
mod copy_rows;
mod credit;
mod forget;
mod holders;
pub(crate) mod latency;
mod read;
mod read_all;
mod seen;
mod tally;
#[cfg(test)]
mod tests;
mod times;
pub(crate) mod varint;

pub(crate) use among::{Among, held_among};
pub(crate) use credit::credit;
pub(crate) use forget::forget;
#[cfg(test)]
pub(crate) use holders::holders;
pub(crate) use holders::holders_of;
pub(crate) use read::Held;
pub(crate) use read_all::PairReader;

use crate::table::RelayId;

/// How a pair was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum How {
    /// On a live subscription, as the relay got it: its time is when the relay had it.
    Live,
    /// In an answer about the past: its time is when we asked.
    Fetched,
}

impl How {
    /// What this word says.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Live, Self::Fetched]
            .into_iter()
            .find(|how| how.as_str() == word)
    }

    /// Its word in answers and exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Fetched => "fetched",
        }
    }
}

/// A relay holds an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The event's number in the archive.
    pub number: u64,
    /// The relay.
    pub relay: RelayId,
    /// When it was seen there, in Unix milliseconds.
    pub seen_ms: u64,
    /// When its author says it was made, in Unix milliseconds.
    pub created_ms: u64,
    /// How it was seen.
    pub how: How,
}
