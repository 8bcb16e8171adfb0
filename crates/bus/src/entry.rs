//! An entry of a log, as all its readers share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stentor_event::Timestamp;
use stentor_store::Former;

use crate::cursor::Place;
use crate::envelope::{Data, Envelope};

/// An entry of a log.
#[derive(Debug)]
pub struct Entry {
    /// Where it stands. For what is in no log, the place of the entry before it.
    pub place: Place,
    /// What is delivered.
    pub envelope: Envelope,
    /// For an event that is gone, what is remembered of it.
    pub former: Option<Former>,
    /// Set when the event has left since this was read.
    gone: AtomicBool,
}

impl Entry {
    /// An entry.
    pub fn new(place: Place, envelope: Envelope, former: Option<Former>) -> Self {
        Self {
            place,
            envelope,
            former,
            gone: AtomicBool::new(false),
        }
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        let detail = self.envelope.detail.as_ref().map_or(0, String::len);
        self.envelope.data.json().len() + detail + 512
    }

    /// The event that it shows has left: it is not to be shown any more.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether it may still be shown: its event has not left and has not expired.
    pub fn lasts(&self, now: Timestamp) -> bool {
        let expired = match &self.envelope.data {
            Data::Event(event) => event.expiration().is_some_and(|at| at <= now),
            Data::Json(_) => false,
        };
        !expired && !self.gone.load(Ordering::Acquire)
    }
}

/// Some entries of a log, in order.
#[derive(Debug)]
pub struct Page {
    /// Those that can be shown to anybody.
    pub entries: Vec<Arc<Entry>>,
    /// Up to where the log has been read.
    pub end: Place,
    /// Whether there may be more at once.
    pub full: bool,
}
