//! Events leave the archive when they are older than `archive.keep_days`, by their own time (O3.8). Who followed the change feed learns
//! of it there, and so does the account of who holds what.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::{EventId, Filter, Timestamp, Viewer};
use stentor_store::{Budget, Direction, OutlineQuery};

use crate::error::Error;
use crate::ground::Ground;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(3_600);
/// Events removed at once.
const BATCH: usize = 512;
/// Rows looked at between two turns of others.
const ROWS: u64 = 4_096;
const DAY: u64 = 86_400;

/// Removes what is too old, for ever.
///
/// # Errors
/// Those of the store.
pub(super) async fn run(ground: &Arc<Ground>) -> Result<(), Error> {
    loop {
        let removed = sweep(ground).await?;
        if removed > 0 {
            tracing::info!(removed, "events have left the archive by their age");
        }
        ground.clock.sleep(LOOK).await;
    }
}

/// Removes what is too old now; how many events that was.
async fn sweep(ground: &Ground) -> Result<u64, Error> {
    let (days, now) = (ground.config.archive.keep_days, ground.clock.now());
    let cutoff = now.0.saturating_sub(days.saturating_mul(DAY));
    let Some(until) = cutoff.checked_sub(1).filter(|_| days > 0) else {
        return Ok(0);
    };
    let mut scan = ground.archive.outline(OutlineQuery {
        filter: Filter {
            until: Some(Timestamp(until)),
            ..Filter::default()
        },
        now,
        direction: Direction::OldestFirst,
        rows: 0,
    });
    let budget = Budget {
        events: BATCH,
        bytes: usize::MAX,
        rows: ROWS,
    };
    let mut removed = 0;
    loop {
        let batch = scan.next(&Viewer::operator(), budget).await?;
        let ids: Vec<EventId> = batch.outlines.iter().map(|one| one.id).collect();
        if !ids.is_empty() {
            removed += ground.archive.remove(&ids).await?;
        }
        if batch.end {
            return Ok(removed);
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, Kind};
    use stentor_sql::testing::House;
    use stentor_store::Submission;

    use super::*;
    use crate::config::{Archive, Config};

    #[tokio::test]
    async fn o3_8_what_is_too_old_leaves_and_nothing_else() {
        let house = House::new(stentor_sql::Dialect::Sqlite).await;
        let config = Config {
            archive: Archive {
                keep_days: 10,
                ..Archive::default()
            },
            ..Config::default()
        };
        let ground = crate::testing::ground(&house, config).await;
        let now = ground.clock.now();
        let event = |days: u64| Submission {
            event: EventBuilder::new(Kind(1), Timestamp(now.0 - days * DAY))
                .sign(&crate::testing::key(3)),
            verified: true,
        };
        let batch: Vec<Submission> = [1, 9, 11, 400].map(event).into();
        ground.archive.submit(batch, now).await.unwrap();
        assert_eq!(sweep(&ground).await.unwrap(), 2);
        assert_eq!(sweep(&ground).await.unwrap(), 0);
        assert_eq!(ground.archive.statistics().events, 2);
    }
}
