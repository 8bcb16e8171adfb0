//! Counts that are kept up to date, so that asking again costs nothing.
//!
//! The first COUNT for a key counts its postings; from then on the committer adds and subtracts. Which counts are kept
//! is bounded: when there are too many, all are forgotten and counted anew when asked for.

use hashbrown::HashMap;

use super::key::Key;

/// Most keys with a maintained count.
const KEPT: usize = 65_536;

/// A count for one key.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// What was counted, as of the commit at which this entry was made; `None` while that goes on.
    base: Option<u64>,
    /// What has come and gone since.
    since: i64,
}

/// See the module.
#[derive(Default)]
pub struct Counters {
    /// Events by kind.
    by_kind: HashMap<u16, u64>,
    /// Bytes of records of events that are there, by log segment.
    live_bytes: HashMap<u32, u64>,
    kept: HashMap<Key, Kept>,
    /// How often all kept counts were forgotten.
    epoch: u64,
}

impl Counters {
    /// Notes an event that came: its kind, what it is found under, and the segment and size of its record.
    pub fn added(&mut self, kind: u16, keys: &[Key], record: (u32, u64)) {
        *self.live_bytes.entry(record.0).or_default() += record.1;
        *self.by_kind.entry(kind).or_default() += 1;
        self.change(keys, 1);
    }

    /// Notes an event that left.
    pub fn removed(&mut self, kind: u16, keys: &[Key], record: (u32, u64)) {
        if let Some(bytes) = self.live_bytes.get_mut(&record.0) {
            *bytes = bytes.saturating_sub(record.1);
        }
        if let Some(count) = self.by_kind.get_mut(&kind) {
            *count = count.saturating_sub(1);
        }
        self.change(keys, -1);
    }

    /// Bytes of records of events that are there, by log segment.
    pub fn live_bytes(&self) -> &HashMap<u32, u64> {
        &self.live_bytes
    }

    /// Notes that a segment was replaced by a copy.
    pub fn moved(&mut self, old: u32, new: u32) {
        let bytes = self.live_bytes.remove(&old).unwrap_or(0);
        *self.live_bytes.entry(new).or_default() += bytes;
    }

    fn change(&mut self, keys: &[Key], by: i64) {
        if self.kept.is_empty() {
            return;
        }
        for key in keys {
            if let Some(kept) = self.kept.get_mut(key) {
                kept.since += by;
            }
        }
    }

    /// Events of a kind.
    pub fn of_kind(&self, kind: u16) -> u64 {
        self.by_kind.get(&kind).copied().unwrap_or(0)
    }

    /// Events of every kind.
    pub fn kinds(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.by_kind
            .iter()
            .map(|(kind, count)| (*kind, *count))
            .filter(|(_, count)| *count > 0)
    }

    /// The kept count of a key; or a ticket for counting it as of this very moment.
    pub fn of_key(&mut self, key: Key) -> Result<u64, Ticket> {
        if self.kept.len() >= KEPT && !self.kept.contains_key(&key) {
            self.kept.clear();
            self.epoch += 1;
        }
        let kept = self.kept.entry(key).or_default();
        let ticket = Ticket {
            key,
            epoch: self.epoch,
            since: kept.since,
        };
        kept.base
            .map(|base| base.saturating_add_signed(kept.since))
            .ok_or(ticket)
    }

    /// Hands in what was counted for the moment of the ticket.
    pub fn counted(&mut self, ticket: Ticket, count: u64) {
        if ticket.epoch == self.epoch
            && let Some(kept) = self.kept.get_mut(&ticket.key)
        {
            kept.base = Some(count.saturating_add_signed(-ticket.since));
        }
    }
}

/// Leave to count a key; see [`Counters::of_key`].
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    key: Key,
    epoch: u64,
    since: i64,
}
