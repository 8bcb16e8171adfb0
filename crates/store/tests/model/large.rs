//! A store with many index files, and every way of finding events in them.

use stentor_store::{Keep, Submission};

use crate::common::engine::{Embedded, Memory, Upkeep};
use crate::compare::{Pair, Verdict};
use crate::questions::Question;
use crate::world::World;

/// Batches until everything is stored.
const BATCHES: usize = 8;

/// Submits the world, and asks questions in between.
pub async fn check(world: &World, questions: &[Question]) -> Verdict {
    let mut pair = Pair::new(&Memory, &Embedded::CALM, Keep::Current);
    let size = world.events.len().div_ceil(BATCHES);
    let per_batch = questions.len().div_ceil(BATCHES);
    for (events, questions) in world.events.chunks(size).zip(questions.chunks(per_batch)) {
        let batch = events.iter().map(|event| Submission {
            event: event.clone(),
            verified: true,
        });
        pair.submit(batch.collect()).await?;
        for question in questions {
            pair.ask(
                &question.query(world, pair.now),
                &question.viewer(),
                question.budget,
            )
            .await?;
        }
        pair.now += 1;
        pair.purge().await?;
    }
    pair.maintain(Upkeep::Compact).await?;
    pair.compare_everything().await
}
