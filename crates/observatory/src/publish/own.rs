//! Our own relay as a target: its store, without a connection.

use std::sync::Arc;
use std::time::Duration;

use stentor_store::{Outcome, Refusal, Submission};
use tokio::sync::watch;

use super::table::{self, Published};
use super::{metrics, service};
use crate::error::Error;
use crate::ground::Ground;
use crate::table::cursor;

/// Its name among the targets.
pub(super) const OWN: &str = "own";
/// Events that are handed over at once.
const BATCH: u32 = 100;

/// Time until a store is tried again that could not write.
const RETRY: Duration = Duration::from_secs(10);

/// What came of handing events over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Some were handed over.
    Some,
    /// There are none.
    None,
    /// The store cannot write now.
    Unavailable,
}

/// Hands what is published to our own relay, until it is dropped.
pub(super) async fn run(ground: Arc<Ground>, mut news: watch::Receiver<u64>) -> Result<(), Error> {
    loop {
        news.mark_unchanged();
        let turn = turn(&ground).await?;
        metrics::refusing(OWN, turn == Turn::Unavailable);
        match turn {
            Turn::Some => {}
            Turn::Unavailable => ground.clock.sleep(RETRY).await,
            Turn::None => {
                // There is a sender as long as this is polled.
                let _ = news.changed().await;
            }
        }
    }
}

/// Hands over the next events.
pub(super) async fn turn(ground: &Ground) -> Result<Turn, Error> {
    let place = cursor(&ground.records, &table::reader(OWN)).await?.place;
    let since_ms = service::oldest_ms(ground);
    let batch = table::behind(&ground.records, place, since_ms, BATCH).await?;
    let Some(Published { place, .. }) = batch.last() else {
        metrics::waiting(OWN, 0);
        return Ok(Turn::None);
    };
    let place = *place;
    let submissions = batch.into_iter().map(|published| Submission {
        event: published.event,
        // We have signed it ourselves.
        verified: true,
    });
    let outcomes = ground
        .own
        .submit(submissions.collect(), ground.clock.now())
        .await?;
    let (mut accepted, mut refused) = (0, 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Stored(_) | Outcome::Duplicate | Outcome::Ephemeral => accepted += 1,
            Outcome::Refused(Refusal::Unavailable(reason)) => {
                tracing::warn!(%reason, "our relay does not take what is published");
                return Ok(Turn::Unavailable);
            }
            Outcome::Refused(_) => refused += 1,
        }
    }
    metrics::published(OWN, "accepted", accepted);
    metrics::published(OWN, "refused", refused);
    table::got_to(&ground.records, OWN, place, ground.clock.now_ms()).await?;
    Ok(Turn::Some)
}
