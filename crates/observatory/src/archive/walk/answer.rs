//! What a walk asks, and what it has to know of an answer. Pure.

use stentor_event::{EoseHint, Filter, Kind, PublicKey, Timestamp};

/// A question: the archive's filter, narrowed to this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// From when; `None` for a relay that does not understand it.
    pub since: Option<u64>,
    /// Until when.
    pub until: Option<u64>,
    /// Events at most.
    pub limit: u64,
    /// Of these kinds only.
    pub kinds: Option<Vec<Kind>>,
    /// Of this author only.
    pub author: Option<PublicKey>,
}

impl Ask {
    /// As a filter. Times that the filter has itself are in the windows that are asked for.
    pub fn filter(&self, of: &Filter) -> Filter {
        Filter {
            since: self.since.filter(|since| *since > 0).map(Timestamp),
            until: self.until.map(Timestamp),
            limit: Some(self.limit),
            kinds: self.kinds.clone().or_else(|| of.kinds.clone()),
            authors: self
                .author
                .map(|author| vec![author])
                .or_else(|| of.authors.clone()),
            ..of.clone()
        }
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With EOSE, perhaps with NIP-67's hint.
    Eose(Option<EoseHint>),
    /// It did not: nothing more came in time.
    Silent,
    /// It did not: far more came than was asked for.
    TooMany,
    /// The connection ended over a message that was too long.
    TooLong,
    /// The connection ended.
    Cut,
}

/// What is remembered of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When it was made, as it says.
    pub at: u64,
    /// Its kind.
    pub kind: Kind,
    /// Its author.
    pub author: PublicKey,
}

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The events that are what was asked for, in the order in which they came, doubles included.
    pub marks: Vec<Mark>,
    /// Events that are not what was asked for.
    pub foreign: u64,
    /// Messages and events that could not be read, or whose id is not theirs.
    pub noise: u64,
    /// Events under the name of a subscription that was never opened.
    pub stray: u64,
    /// How it ended.
    pub end: End,
}

impl Answer {
    /// How many events these are.
    pub(super) fn count(&self) -> u64 {
        self.marks.len() as u64
    }

    /// Everything that took a place in the answer.
    pub(super) fn all(&self) -> u64 {
        self.count() + self.foreign + self.noise + self.stray
    }

    /// The time of the oldest.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.marks.iter().map(|mark| mark.at).min()
    }

    /// The second that all are of, if there is one.
    pub(super) fn second(&self) -> Option<u64> {
        let first = self.marks.first()?.at;
        let same = self.marks.iter().all(|mark| mark.at == first);
        same.then_some(first)
    }

    /// Whether they came newest first, as NIP-01 has it.
    pub(super) fn is_sorted(&self) -> bool {
        self.marks.is_sorted_by(|a, b| a.at >= b.at)
    }
}
