//! Which days and kinds there are, and what tells whether they have changed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use stentor_event::{Filter, Viewer};
use stentor_store::{Budget, Direction, OutlineQuery, OutlineScan};

use super::{Ended, Export};
use crate::error::Error;
use crate::export::manifest::Hash;
use crate::export::name::Day;

/// What one slice may do.
const SLICE: Budget = Budget {
    events: 4_096,
    bytes: usize::MAX,
    rows: 65_536,
};

/// The events of a day and kind.
pub(super) struct Group {
    /// How many.
    pub events: u64,
    /// The SHA-256 of their ids, the newest event first and in one second the lowest id first.
    pub content: Hash,
}

impl Export<'_> {
    /// The first day from this one on that has events.
    pub(super) async fn next_day(&self, from: Day) -> Result<Option<Day>, Error> {
        let filter = Filter {
            limit: Some(1),
            ..self.filter(from.start(), u64::MAX)
        };
        let mut scan = self.outlines(filter, Direction::OldestFirst);
        loop {
            let batch = scan.next(&Viewer::operator(), SLICE).await?;
            if let Some(first) = batch.outlines.first() {
                return Ok(Day::of(first.created_at.0));
            }
            if batch.end {
                return Ok(None);
            }
        }
    }

    /// What the kinds of a day have: at most 65,536 entries.
    pub(super) async fn kinds_of(&self, day: Day) -> Result<BTreeMap<u16, Group>, Ended> {
        let filter = self.filter(day.start(), day.end());
        let mut scan = self.outlines(filter, Direction::NewestFirst);
        let mut kinds: BTreeMap<u16, (u64, Sha256)> = BTreeMap::new();
        loop {
            self.going_on()?;
            let batch = scan.next(&Viewer::operator(), SLICE).await?;
            for event in batch.outlines {
                let (events, hash) = kinds.entry(event.kind.0).or_default();
                *events += 1;
                hash.update(event.id.0);
            }
            if batch.end {
                break;
            }
        }
        let group = |(kind, (events, hash)): (u16, (u64, Sha256))| {
            let content = hash.finalize().into();
            (kind, Group { events, content })
        };
        Ok(kinds.into_iter().map(group).collect())
    }

    fn outlines(&self, filter: Filter, direction: Direction) -> Box<dyn OutlineScan> {
        self.ground.archive.outline(OutlineQuery {
            filter,
            now: self.ground.clock.now(),
            direction,
            rows: 0,
        })
    }
}
