//! Down: fetches events whose ids are known.

use std::collections::HashSet;

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use stentor_event::{EventId, Filter};

use super::error::SyncError;
use super::query::Intake;

/// Ids in one REQ: 13 KiB, which every relay takes.
const IDS: usize = 200;
/// REQs at once, so that the way to the relay and back is not waited for each time.
const AT_ONCE: usize = 3;

/// Fetches the events of these ids. What the relay does not send is counted.
///
/// # Errors
/// Those of [`Intake::query`].
pub(super) async fn fetch(intake: Intake<'_>, ids: &[EventId]) -> Result<(), SyncError> {
    let fetches = ids
        .chunks(IDS)
        .map(|chunk| fetch_chunk(intake, chunk.to_vec()).boxed());
    stream::iter(fetches.collect::<Vec<_>>())
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
}

/// Asks until everything has come or nothing more does: a relay may send less at once than it is asked for.
async fn fetch_chunk(intake: Intake<'_>, chunk: Vec<EventId>) -> Result<(), SyncError> {
    let mut missing: HashSet<EventId> = chunk.into_iter().collect();
    while !missing.is_empty() {
        let mut ids: Vec<EventId> = missing.iter().copied().collect();
        ids.sort_unstable();
        let before = missing.len();
        let filter = Filter {
            ids: Some(ids),
            ..Filter::default()
        };
        intake
            .query(&filter, |event| missing.remove(&event.id()))
            .await?;
        intake.tally.edit().pages += 1;
        if missing.len() == before {
            break;
        }
    }
    intake.tally.edit().missing += missing.len() as u64;
    Ok(())
}
