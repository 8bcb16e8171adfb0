//! The lists that make up the store.

use std::collections::{BTreeMap, HashMap};

use stentor_event::{Event, EventId, Kind, Timestamp};

use super::facts::Facts;
use super::rules;
use crate::{ChangeKind, EventNumber, Keep, RelayScope, Removal, Seq, Statistics};

/// An event that was stored at some time.
pub struct Row {
    /// Its number.
    pub number: EventNumber,
    /// The event.
    pub event: Event,
    /// What the rules look at in it.
    pub facts: Facts,
    /// Why it is no longer there.
    pub gone: Option<Removal>,
}

/// An entry of the change feed. Its position is its place in the list, counted from 1.
pub struct Entry {
    /// The event concerned.
    pub number: EventNumber,
    /// What happened.
    pub kind: ChangeKind,
    /// When, in Unix milliseconds.
    pub committed_ms: u64,
}

/// Everything the store knows.
pub struct State {
    pub keep: Keep,
    pub scope: RelayScope,
    /// All events ever stored; the number of each is its place, counted from 1.
    pub rows: Vec<Row>,
    /// The change feed.
    pub feed: Vec<Entry>,
    /// How far the readers of the feed are.
    pub cursors: HashMap<String, Seq>,
    /// Whether writing has ended.
    pub closed: bool,
}

impl State {
    pub fn new(keep: Keep, scope: RelayScope) -> Self {
        Self {
            keep,
            scope,
            rows: Vec::new(),
            feed: Vec::new(),
            cursors: HashMap::new(),
            closed: false,
        }
    }

    /// The events that are there, expired ones included, by number.
    pub fn stored(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.gone.is_none())
    }

    /// The number of the event with this id, if it is there.
    pub fn number(&self, id: &EventId) -> Option<EventNumber> {
        self.stored()
            .find(|row| row.facts.id == *id)
            .map(|row| row.number)
    }

    pub fn next_number(&self) -> EventNumber {
        EventNumber(self.rows.len() as u64 + 1)
    }

    pub fn last_seq(&self) -> Seq {
        Seq(self.feed.len() as u64)
    }

    /// Stores an event that nothing speaks against, and removes what it removes.
    pub fn store(&mut self, event: Event, facts: Facts, at_ms: u64) -> EventNumber {
        let number = self.next_number();
        self.feed.push(Entry {
            number,
            kind: ChangeKind::Added,
            committed_ms: at_ms,
        });
        let effects: Vec<(EventNumber, Removal)> = self
            .stored()
            .filter_map(|row| Some((row.number, self.effect(&facts, &row.facts)?)))
            .collect();
        self.rows.push(Row {
            number,
            event,
            facts,
            gone: None,
        });
        for (target, removal) in effects {
            self.take_out(target, removal, at_ms);
        }
        number
    }

    /// What storing `event` does to `other`, which is there.
    fn effect(&self, event: &Facts, other: &Facts) -> Option<Removal> {
        if rules::deletes(event, other) {
            Some(Removal::Deleted)
        } else if rules::vanishes(&self.scope, event, other) {
            Some(Removal::Vanished)
        } else if self.keep == Keep::Current && rules::supersedes(event, other) {
            Some(Removal::Replaced)
        } else {
            None
        }
    }

    /// Removes what has expired, but for the requests whose effect must last.
    pub fn purge(&mut self, now: Timestamp, at_ms: u64) -> u64 {
        let lasting = |facts: &Facts| [Kind::DELETION, Kind::VANISH].contains(&facts.kind);
        self.take_out_where(Removal::Expired, at_ms, |facts| {
            facts.expired(now) && !lasting(facts)
        })
    }

    /// Removes these events, as the operator.
    pub fn remove(&mut self, ids: &[EventId], at_ms: u64) -> u64 {
        self.take_out_where(Removal::Dropped, at_ms, |facts| ids.contains(&facts.id))
    }

    fn take_out_where(
        &mut self,
        removal: Removal,
        at_ms: u64,
        chosen: impl Fn(&Facts) -> bool,
    ) -> u64 {
        let targets: Vec<EventNumber> = self
            .stored()
            .filter(|row| chosen(&row.facts))
            .map(|row| row.number)
            .collect();
        for target in &targets {
            self.take_out(*target, removal, at_ms);
        }
        targets.len() as u64
    }

    fn take_out(&mut self, target: EventNumber, removal: Removal, at_ms: u64) {
        for row in self.rows.iter_mut().filter(|row| row.number == target) {
            row.gone = Some(removal);
        }
        self.feed.push(Entry {
            number: target,
            kind: ChangeKind::Removed(removal),
            committed_ms: at_ms,
        });
    }

    pub fn statistics(&self) -> Statistics {
        let mut by_kind = BTreeMap::new();
        for row in self.stored() {
            *by_kind.entry(row.facts.kind.0).or_insert(0) += 1;
        }
        Statistics {
            events: self.stored().count() as u64,
            live_bytes: self.stored().map(|row| row.event.json().len() as u64).sum(),
            last_number: self.rows.len() as u64,
            last_seq: self.feed.len() as u64,
            by_kind,
            readers: self
                .cursors
                .iter()
                .map(|(reader, seq)| (reader.clone(), seq.0))
                .collect(),
            ..Statistics::default()
        }
    }
}
