//! The reader of the archive's change feed.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use stentor_event::{Timestamp, Viewer};
use stentor_store::{Change, Seq};

use super::apply::{NAME, Span, apply};
use super::batch::Batch;
use super::removed::replaced;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance;
use crate::signals::Topic;
use crate::table::cursor;

/// Changes that are counted at once.
pub(super) const BATCH: usize = 2_000;
/// How long fewer changes wait for more: counting a few costs nearly as much as counting many.
const LINGER: Duration = Duration::from_secs(1);
/// Events forgotten in one transaction, which may have to look at all relays that hold something of their chunk.
const FORGET: usize = 64;
/// How often the totals of pairs are told.
const TOLD_MS: u64 = 60_000;

/// Follows the feed for ever.
///
/// # Errors
/// Those of the archive and of the records; and when the records have counted more than the archive has, which is then not the one
/// that they were made of.
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    let mut newest = ground.archive.follow();
    let mut place = Seq(cursor(&ground.records, NAME).await?.place);
    if place > ground.archive.last_seq() {
        return Err(Error::Invalid(
            "the records have statistics of another archive: it was replaced by an older one"
                .to_owned(),
        ));
    }
    let mut told_ms = 0;
    loop {
        newest.borrow_and_update();
        place = counted(&ground, place, BATCH).await?;
        let now_ms = ground.clock.now_ms();
        if now_ms.saturating_sub(told_ms) >= TOLD_MS {
            told_ms = now_ms;
            tell(&ground).await?;
        }
        let behind = ground.archive.last_seq().0.saturating_sub(place.0);
        gauge!("stentor_observatory_statistics_lag").set(behind as f64);
        if behind >= BATCH as u64 {
            continue;
        }
        if behind == 0 && newest.changed().await.is_err() {
            // The archive is closed, and will not change again.
            return Ok(());
        }
        ground.clock.sleep(LINGER).await;
    }
}

/// Counts the changes after this place, at most `limit`, and returns how far has been counted. May be dropped at any await: what is written is written in one
/// transaction with the place, and what is done before it can be done again.
pub(super) async fn counted(ground: &Ground, after: Seq, limit: usize) -> Result<Seq, Error> {
    // Expiration is a removal of its own in the feed; until it comes, the event is there.
    let changes = ground
        .archive
        .changes(after, limit, &Viewer::operator(), Timestamp(0))
        .await?;
    let Some(last) = changes.last() else {
        return Ok(after);
    };
    let span = Span {
        after: after.0,
        last: last.seq.0,
    };
    let batch = digested(changes).await?;
    for numbers in batch.removed.chunks(FORGET) {
        let numbers = numbers.to_vec();
        ground
            .records
            .write(move |tx| provenance::forget(tx, &numbers))
            .await?;
    }
    let replaced = replaced(ground, &batch.lists_removed).await?;
    let now_ms = ground.clock.now_ms();
    ground
        .records
        .write(move |tx| apply(tx, &batch, &replaced, span, now_ms))
        .await?;
    ground.signals.changed(Topic::Statistics);
    // Not what this batch reaches to: where it was not written, another was.
    Ok(Seq(cursor(&ground.records, NAME).await?.place))
}

/// Works through a batch where nobody else has to wait for it.
async fn digested(changes: Vec<Change>) -> Result<Batch, Error> {
    let digested = tokio::task::spawn_blocking(move || Batch::of(&changes));
    // Not run at all, or it panicked, which is a fault of this program.
    digested
        .await
        .map_err(|error| Error::Invalid(error.to_string()))
}

/// Tells the totals of pairs as metrics.
async fn tell(ground: &Ground) -> Result<(), Error> {
    let totals = super::answer::pairs(&ground.records).await?;
    gauge!("stentor_observatory_pairs").set(totals.pairs as f64);
    gauge!("stentor_observatory_exclusives").set(totals.exclusive as f64);
    Ok(())
}
