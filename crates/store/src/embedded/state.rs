//! What readers see: the runs as of a commit, and where each event is.

use std::sync::Arc;

use bytes::Bytes;

use super::core::Core;
use super::log::Address;
use super::manifest::Position;
use super::run::Run;
use super::table;

/// A run and the moment of the log up to which the runs until it reach.
#[derive(Clone)]
pub struct Placed {
    /// The run.
    pub run: Arc<Run>,
    /// See the type.
    pub until: Position,
}

/// The index as of a commit. Never changed; the next commit makes a new one.
#[derive(Clone)]
pub struct State {
    /// Oldest event numbers first.
    pub runs: Vec<Placed>,
    /// The log's end.
    pub end: Position,
}

/// In a locator word: the event is gone, and the rest is the position in the feed of its removal.
const GONE: u64 = 1 << 63;

/// A locator word of an event that left.
pub fn gone(seq: u64) -> u64 {
    GONE | seq
}

/// What the locator says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// No such event was ever stored.
    Unknown,
    /// It is here.
    At(Address),
    /// It left at this position of the feed.
    Gone(u64),
}

impl Place {
    /// Reads a locator word.
    pub fn from_word(word: u64) -> Self {
        match word {
            0 => Self::Unknown,
            _ if word & GONE != 0 => Self::Gone(word & !GONE),
            _ => Self::At(Address::unpack(word)),
        }
    }

    /// Whether it is there.
    pub fn is_there(self) -> bool {
        matches!(self, Self::At(_))
    }
}

/// The index as of a commit, with the places of the events.
#[derive(Clone)]
pub struct Snapshot {
    /// The runs.
    pub state: Arc<State>,
    places: table::Reader,
}

impl Snapshot {
    /// As of now.
    pub fn take(core: &Core) -> Self {
        // In this order: the places cover at least what the runs name.
        let state = core.state.load_full();
        Self {
            state,
            places: core.locator.reader(),
        }
    }

    /// Where an event is now.
    pub fn place(&self, number: u64) -> Place {
        Place::from_word(self.places.get(number))
    }

    /// Whether an event is there now.
    pub fn is_there(&self, number: u64) -> bool {
        self.place(number).is_there()
    }

    /// Whether an event was there when the snapshot was taken, though it may be gone by now.
    pub fn was_there(&self, number: u64) -> bool {
        match self.place(number) {
            Place::At(_) => true,
            Place::Gone(seq) => seq >= self.state.end.next_seq,
            Place::Unknown => false,
        }
    }

    /// The JSON of an event that is there now. It may move while it is looked up.
    pub fn event(&self, core: &Core, number: u64) -> Option<Bytes> {
        for _ in 0..3 {
            let Place::At(address) = self.place(number) else {
                return None;
            };
            if let Some(json) = core.log.event(address, number) {
                return Some(json);
            }
        }
        None
    }
}
