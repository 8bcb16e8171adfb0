//! Walking the events of a rule, oldest first, at a store's leisure.

use std::cmp::Reverse;
use std::time::Duration;

use stentor_event::{EventId, Filter, Timestamp, Viewer};
use stentor_store::{
    Budget, Direction, EventStore, Outline, OutlineQuery, OutlineScan, StoreError,
};

/// What is looked at before others have their turn; less in tests, so that they see many slices.
const SLICE: Budget = Budget {
    events: if cfg!(test) { 7 } else { 2_048 },
    bytes: usize::MAX,
    rows: 4_096,
};
/// The rest after a slice, so that a walk over everything takes a part of one core only.
const REST: Duration = Duration::from_millis(1);
/// Slices after which a walk begins anew where it is: a scan keeps files that are not needed any more from being removed.
const RENEWED_AFTER: u32 = if cfg!(test) { 2 } else { 256 };

/// The place of an event in a walk.
pub(super) type Place = (Timestamp, Reverse<EventId>);

/// The place of an event in a walk.
pub(super) const fn place(event: &Outline) -> Place {
    (event.created_at, Reverse(event.id))
}

/// See the module.
pub(super) struct Walk<'a> {
    store: &'a dyn EventStore,
    query: OutlineQuery,
    scan: Box<dyn OutlineScan>,
    slices: u32,
    reached: Option<Place>,
    end: bool,
}

impl<'a> Walk<'a> {
    /// Over what matches a filter and has not expired.
    pub(super) fn new(store: &'a dyn EventStore, filter: Filter, now: Timestamp) -> Self {
        let query = OutlineQuery {
            filter,
            now,
            direction: Direction::OldestFirst,
            rows: 0,
        };
        Self {
            scan: store.outline(query.clone()),
            store,
            query,
            slices: 0,
            reached: None,
            end: false,
        }
    }

    /// The next events, perhaps none; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Outline>>, StoreError> {
        if self.end {
            return Ok(None);
        }
        if self.slices > 0 {
            tokio::time::sleep(REST).await;
        }
        // Within the second in which it began, a new scan would come no further than this one.
        let since = self.reached.map(|(at, _)| at);
        if self.slices >= RENEWED_AFTER && since > self.query.filter.since {
            self.slices = 0;
            self.query.filter.since = since;
            self.scan = self.store.outline(self.query.clone());
        }
        self.slices += 1;
        let batch = self.scan.next(&Viewer::operator(), SLICE).await?;
        self.end = batch.end;
        let mut events = batch.outlines;
        // After it has begun anew, the last second comes again.
        events.retain(|event| self.reached.is_none_or(|reached| place(event) > reached));
        self.reached = events.last().map(place).or(self.reached);
        Ok(Some(events))
    }
}

#[cfg(test)]
mod tests {
    use stentor_event::Event;
    use stentor_store::{EventStore, Keep, Submission, memory};

    use super::*;

    /// An event that nobody has signed.
    fn event(number: u64) -> Event {
        let json = format!(
            r#"{{"id":"{:064x}","pubkey":"{}","created_at":{},"kind":1,"tags":[],"content":"","sig":"{}"}}"#,
            (number * 7_919) % 1_009,
            "ab".repeat(32),
            100 + number / 20,
            "cd".repeat(64),
        );
        Event::from_canonical(json.into()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn r4_6_a_walk_that_begins_anew_meets_everything_once() {
        let store = memory::Store::new(Keep::Current, Default::default());
        let mut events: Vec<Event> = (0..150).map(event).collect();
        let submission = |event: &Event| Submission {
            event: event.clone(),
            verified: true,
        };
        let batch = events.iter().map(submission).collect();
        store.submit(batch, Timestamp(1)).await.unwrap();
        let mut walk = Walk::new(&store, Filter::default(), Timestamp(1));
        let (mut met, mut slices) = (Vec::new(), 0);
        while let Some(outlines) = walk.next().await.unwrap() {
            met.extend(outlines.iter().map(|outline| outline.id));
            slices += 1;
        }
        events.sort_by_key(|event| (event.created_at(), Reverse(event.id())));
        assert_eq!(met, events.iter().map(Event::id).collect::<Vec<_>>());
        assert!(
            slices > 20,
            "it began anew many times, also within a second"
        );
    }
}
