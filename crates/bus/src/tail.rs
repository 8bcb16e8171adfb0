//! The end of a log as live readers share it: read once for all of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::EventType;
use crate::cursor::Place;
use crate::entry::{Entry, Page};

/// Entries that are kept for those who are about to be live.
const MOST: usize = 4_096;
/// Their bytes.
const MOST_BYTES: usize = 8 << 20;

/// The newest entries of a log.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// Everything behind this position and up to `end` is here.
    start: Place,
    end: Place,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The events among them, by their ids.
    events: HashMap<String, Arc<Entry>>,
}

impl Tail {
    /// Begins anew behind this place.
    pub fn begin(&mut self, at: Place) {
        *self = Self {
            start: at,
            end: at,
            ..Self::default()
        };
    }

    /// Up to where the log has been read.
    pub const fn end(&self) -> Place {
        self.end
    }

    /// Whether everything behind this position is here.
    pub const fn reaches(&self, seq: u64) -> bool {
        seq >= self.start.seq
    }

    /// The entries behind this position.
    pub fn behind(&self, seq: u64) -> impl Iterator<Item = &Arc<Entry>> {
        let entries = self.entries.iter();
        entries.filter(move |entry| entry.place.seq > seq)
    }

    /// Adds what was read behind the end. Events that are gone by it are not shown any more, wherever they wait.
    pub fn extend(&mut self, page: &Page) {
        for entry in &page.entries {
            self.note(entry);
            self.bytes += entry.bytes();
            self.entries.push_back(Arc::clone(entry));
        }
        self.end = page.end;
        while self.entries.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.start = oldest.place;
            if let Some(subject) = &oldest.envelope.subject
                && let Some(known) = self.events.get(subject)
                && Arc::ptr_eq(known, &oldest)
            {
                self.events.remove(subject);
            }
        }
    }

    fn note(&mut self, entry: &Arc<Entry>) {
        let Some(subject) = &entry.envelope.subject else {
            return;
        };
        match entry.envelope.event_type {
            EventType::NostrEventStored => {
                self.events.insert(subject.clone(), Arc::clone(entry));
            }
            EventType::NostrEventDeleted => {
                if let Some(gone) = self.events.remove(subject) {
                    gone.leave();
                }
            }
            _ => {}
        }
    }
}
