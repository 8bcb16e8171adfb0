//! A store under test.

use std::sync::Arc;

use stentor_event::{Event, EventId, Filter, Timestamp, Viewer};
use stentor_store::{
    Batch, Budget, Change, Count, EventNumber, EventStore, Keep, Outcome, Query, Refusal, Scan,
    ScanEnd, ScanLimits, Seq, StoreError, Submission,
};

use super::make::filter;
use super::{Engine, Factory};

/// The time at which the tests begin; events are older.
pub const NOW: u64 = 100_000;

/// No limits on a scan.
pub const NO_LIMITS: ScanLimits = ScanLimits { cap: 0, rows: 0 };

/// As much as a slice can hold.
pub const WHOLE: Budget = Budget {
    events: usize::MAX,
    bytes: usize::MAX,
    rows: u64::MAX,
};

/// A store with a clock.
pub struct Subject {
    /// The open engine.
    pub engine: Box<dyn Engine>,
    /// What the time is.
    pub now: u64,
}

impl Subject {
    /// An empty store that keeps current versions.
    pub fn new(factory: &dyn Factory) -> Self {
        Self::keeping(factory, Keep::Current)
    }

    /// An empty store.
    pub fn keeping(factory: &dyn Factory, keep: Keep) -> Self {
        Self {
            engine: factory.create(keep),
            now: NOW,
        }
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn EventStore> {
        self.engine.store()
    }

    /// Submits events whose signatures are to be verified, in one batch.
    pub async fn put_all(&self, events: &[&Event]) -> Vec<Outcome> {
        let submission = |event: &&Event| Submission {
            event: (*event).clone(),
            verified: false,
        };
        self.store()
            .submit(events.iter().map(submission).collect(), Timestamp(self.now))
            .await
            .unwrap()
    }

    /// Submits an event.
    pub async fn put(&self, event: &Event) -> Outcome {
        let mut outcomes = self.put_all(&[event]).await;
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    /// Submits an event that must be stored.
    pub async fn store_one(&self, event: &Event) -> EventNumber {
        match self.put(event).await {
            Outcome::Stored(number) => number,
            other => panic!("{other:?} for {event:?}"),
        }
    }

    /// Submits events, one by one, that must be stored.
    pub async fn store_each(&self, events: &[&Event]) {
        for event in events {
            self.store_one(event).await;
        }
    }

    /// Submits an event that must be refused so.
    pub async fn refused(&self, event: &Event, refusal: Refusal) {
        assert_eq!(
            self.put(event).await,
            Outcome::Refused(refusal),
            "{event:?}"
        );
    }

    /// A query as of now.
    pub fn query(&self, filters: &[Filter]) -> Query {
        Query {
            filters: filters.into(),
            now: Timestamp(self.now),
            before: None,
            limits: NO_LIMITS,
        }
    }

    /// The whole answer to a query.
    pub async fn answer_to(&self, query: Query, viewer: &Viewer) -> (Vec<EventId>, ScanEnd) {
        drain(self.store().scan(query), viewer, WHOLE)
            .await
            .unwrap()
    }

    /// The whole answer to these filters.
    pub async fn answer(
        &self,
        filters: &[&str],
        viewer: &Viewer,
        limits: ScanLimits,
    ) -> (Vec<EventId>, ScanEnd) {
        let filters: Vec<Filter> = filters.iter().map(|json| filter(json)).collect();
        self.answer_to(
            Query {
                limits,
                ..self.query(&filters)
            },
            viewer,
        )
        .await
    }

    /// The ids that an operator sees through this filter.
    pub async fn ids(&self, filter: &str) -> Vec<EventId> {
        self.answer(&[filter], &Viewer::operator(), NO_LIMITS)
            .await
            .0
    }

    /// Whether an operator finds the event under its id.
    pub async fn has(&self, event: &Event) -> bool {
        let found = self.ids(&format!(r#"{{"ids":["{}"]}}"#, event.id())).await;
        assert!(found.iter().all(|id| *id == event.id()) && found.len() <= 1);
        found.len() == 1
    }

    /// The count over these filters.
    pub async fn count(&self, filters: &[&str], viewer: &Viewer) -> Count {
        let filters: Vec<Filter> = filters.iter().map(|json| filter(json)).collect();
        self.store()
            .count(&self.query(&filters), viewer)
            .await
            .unwrap()
    }

    /// The whole change feed after this position, as an operator sees it.
    pub async fn changes(&self, after: Seq) -> Vec<Change> {
        self.changes_seen(after, &Viewer::operator()).await
    }

    /// The change feed after `after`, as this viewer sees it.
    pub async fn changes_seen(&self, after: Seq, viewer: &Viewer) -> Vec<Change> {
        self.store()
            .changes(after, usize::MAX, viewer, Timestamp(self.now))
            .await
            .unwrap()
    }

    /// Removes what has expired.
    pub async fn purge(&self) -> u64 {
        self.engine.purge(Timestamp(self.now)).await
    }
}

/// The ids of these events, in this order.
pub fn ids_of(events: &[&Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id()).collect()
}

/// Takes a scan to its end in slices of this budget.
pub async fn drain(
    mut scan: Box<dyn Scan>,
    viewer: &Viewer,
    budget: Budget,
) -> Result<(Vec<EventId>, ScanEnd), StoreError> {
    let mut ids = Vec::new();
    for _ in 0..1_000_000 {
        let batch = scan.next(viewer, budget).await?;
        check_slice(&batch, budget);
        ids.extend(batch_ids(&batch));
        if let Some(end) = batch.end {
            return Ok((ids, end));
        }
    }
    panic!("the scan does not end");
}

/// The ids in a slice.
pub fn batch_ids(batch: &Batch) -> Vec<EventId> {
    batch
        .events
        .iter()
        .map(|stored| Event::from_canonical(stored.json.clone()).unwrap().id())
        .collect()
}

fn check_slice(batch: &Batch, budget: Budget) {
    assert!(batch.events.len() <= budget.events);
    let all_but_last = batch
        .events
        .split_last()
        .map_or(&[][..], |(_, others)| others);
    assert!(
        all_but_last
            .iter()
            .map(|stored| stored.json.len())
            .sum::<usize>()
            <= budget.bytes
    );
    assert!(batch.rows <= budget.rows.max(1));
}
