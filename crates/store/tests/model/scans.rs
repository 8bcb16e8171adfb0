//! Scans that stay open while the store changes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use stentor_event::{EventId, Viewer};
use stentor_store::{Budget, Keep, Scan, ScanEnd};

use crate::common::engine::{Embedded, Memory};
use crate::common::subject::{WHOLE, batch_ids};
use crate::compare::{Pair, Verdict};
use crate::operations::{Sending, batch, submissions};
use crate::questions::{Question, unlimited};
use crate::world::{SMALL, World};

/// What happens around the open scan.
#[derive(Debug, Clone)]
pub enum Step {
    /// A new scan takes the place of the old one.
    Begin(Question),
    /// Some events of the scan are taken.
    Take(usize),
    /// Events are submitted.
    Submit(Vec<Sending>),
    /// The operator removes events.
    Remove(Vec<usize>),
    /// Time passes, and what has expired is removed.
    Purge(u64),
}

/// A sequence of steps.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => unlimited(SMALL).prop_map(Step::Begin),
        4 => (1..6_usize).prop_map(Step::Take),
        3 => batch(1..10).prop_map(Step::Submit),
        1 => vec(SMALL.index(), 1..8).prop_map(Step::Remove),
        1 => (0..4_u64).prop_map(Step::Purge),
    ];
    (vec(batch(1..10), 3..8), vec(step, 4..40))
        .prop_map(|(batches, steps)| batches.into_iter().map(Step::Submit).chain(steps).collect())
}

/// The scan open in both stores.
struct Open {
    model: Side,
    engine: Side,
}

struct Side {
    scan: Box<dyn Scan>,
    viewer: Viewer,
    budget: Budget,
    end: Option<ScanEnd>,
}

impl Side {
    /// The next events, as many as are wanted if there are so many.
    async fn take(&mut self, wanted: usize) -> Vec<EventId> {
        let mut ids = Vec::new();
        while ids.len() < wanted && self.end.is_none() {
            let budget = Budget {
                events: self.budget.events.min(wanted - ids.len()),
                ..self.budget
            };
            let batch = self.scan.next(&self.viewer, budget).await.unwrap();
            ids.extend(batch_ids(&batch));
            self.end = batch.end;
        }
        ids
    }
}

impl Open {
    fn new(pair: &Pair, world: &World, question: &Question) -> Self {
        let query = question.query(world, pair.now);
        let side = |scan| Side {
            scan,
            viewer: question.viewer(),
            budget: question.budget,
            end: None,
        };
        Self {
            model: side(pair.model().scan(query.clone())),
            engine: side(pair.engine().scan(query)),
        }
    }

    async fn take(&mut self, wanted: usize) -> Verdict {
        let (model, engine) = (
            self.model.take(wanted).await,
            self.engine.take(wanted).await,
        );
        if model == engine {
            return Ok(());
        }
        Err(TestCaseError::fail(format!(
            "the slices differ\n model: {model:?}\nengine: {engine:?}"
        )))
    }

    async fn finish(&mut self) -> Verdict {
        self.take(WHOLE.events).await?;
        prop_assert_eq!(self.engine.end, Some(ScanEnd::Finished));
        Ok(())
    }
}

/// Does the steps on both engines.
pub async fn compare(world: &World, steps: &[Step]) -> Verdict {
    let mut pair = Pair::new(&Memory, &Embedded::BUSY, Keep::Current);
    let mut open: Option<Open> = None;
    for step in steps {
        match step {
            Step::Begin(question) => {
                if let Some(open) = &mut open {
                    open.finish().await?;
                }
                open = Some(Open::new(&pair, world, question));
            }
            Step::Take(wanted) => {
                if let Some(open) = &mut open {
                    open.take(*wanted).await?;
                }
            }
            Step::Submit(batch) => pair.submit(submissions(world, batch)).await?,
            Step::Remove(events) => {
                let ids: Vec<_> = events
                    .iter()
                    .map(|index| world.event(*index).id())
                    .collect();
                pair.remove(&ids).await?;
            }
            Step::Purge(seconds) => {
                pair.now += seconds;
                pair.purge().await?;
            }
        }
    }
    match &mut open {
        Some(open) => open.finish().await,
        None => Ok(()),
    }
}
