//! What waits for one live reader: bounded in number and bytes (G3.4).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Log;
use crate::cursor::Place;
use crate::entry::Entry;

/// Bounds of a reader's queue. 0 switches a bound off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Envelopes that wait.
    pub envelopes: usize,
    /// Their bytes, about.
    pub bytes: usize,
}

/// What waits for one live reader.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// Envelopes that were not put in or thrown out, since there was no room.
    missed: u64,
    /// Up to where the logs have been looked through for this reader.
    pub nostr: Place,
    /// As above.
    pub records: Place,
}

/// What the reader gets next.
#[derive(Debug)]
pub(crate) enum Next {
    /// An entry.
    Entry(Arc<Entry>),
    /// Nothing waits.
    Nothing,
    /// So many were missed: the end.
    Missed(u64),
}

impl Queue {
    /// An empty queue of a reader for whom the logs have been looked through up to here.
    pub fn at(nostr: Place, records: Place) -> Self {
        Self {
            nostr,
            records,
            ..Self::default()
        }
    }

    /// Puts an entry in, in the place of an earlier one with its type and subject if `coalesce`. When there is no room, the
    /// queue is given up: the reader is told how much it misses, and can come back to where it was.
    pub fn push(&mut self, entry: Arc<Entry>, limits: QueueLimits, coalesce: bool) {
        if self.missed > 0 {
            self.missed += 1;
            return;
        }
        if coalesce && entry.envelope.event_type.coalesces() {
            self.drop_earlier(&entry);
        }
        let full = limits.envelopes != 0 && self.entries.len() >= limits.envelopes;
        let large = limits.bytes != 0
            && !self.entries.is_empty()
            && self.bytes + entry.bytes() > limits.bytes;
        if full || large {
            self.missed = self.entries.len() as u64 + 1;
            self.entries.clear();
            self.bytes = 0;
            return;
        }
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
    }

    fn drop_earlier(&mut self, entry: &Entry) {
        let same = |other: &Arc<Entry>| {
            let (one, other) = (&entry.envelope, &other.envelope);
            one.event_type == other.event_type && one.subject == other.subject
        };
        if let Some(at) = self.entries.iter().position(same)
            && let Some(earlier) = self.entries.remove(at)
        {
            self.bytes -= earlier.bytes();
        }
    }

    /// Takes the next.
    pub fn pop(&mut self) -> Next {
        if self.missed > 0 {
            return Next::Missed(self.missed);
        }
        match self.entries.pop_front() {
            Some(entry) => {
                self.bytes -= entry.bytes();
                Next::Entry(entry)
            }
            None => Next::Nothing,
        }
    }

    /// Envelopes that wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the reader need not be woken.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.missed == 0
    }

    /// Whether the queue was given up.
    pub const fn is_lost(&self) -> bool {
        self.missed > 0
    }

    /// Up to where a log has been looked through.
    pub const fn place(&self, log: Log) -> Place {
        match log {
            Log::Nostr => self.nostr,
            Log::Records => self.records,
        }
    }

    /// A log has been looked through up to here.
    pub const fn set_place(&mut self, log: Log, place: Place) {
        match log {
            Log::Nostr => self.nostr = place,
            Log::Records => self.records = place,
        }
    }
}
