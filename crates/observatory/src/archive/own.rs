//! What the archive has of a window, for a comparison with a relay.

use std::collections::HashSet;

use stentor_event::{EventId, Filter, Timestamp, Viewer};
use stentor_peer::Window;
use stentor_store::reconcile::{Snapshot, SnapshotBuilder};
use stentor_store::{Budget, Direction, EventStore, OutlineQuery, StoreError};

/// Rows looked at between two turns of others.
const SLICE_ROWS: u64 = 8_192;
/// Events of one set: 8 MiB with all that is kept of them, for each of `archive.parallel` turns. With more, a smaller window is
/// compared.
pub(super) const MOST: usize = 50_000;

/// An event that is here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// Its id.
    pub id: EventId,
    /// Its number in the store.
    pub number: u64,
    /// When it was made, in Unix seconds.
    pub at: u64,
}

/// A set of events that are here.
pub(super) struct OwnSet {
    /// As it is compared.
    pub snapshot: Snapshot,
    /// What is in it, the newest first.
    pub events: Vec<Own>,
}

/// Gathers what is here of a filter in a window, without some events; `None` when that is more than [`MOST`].
///
/// # Errors
/// Those of the store.
pub(super) async fn own_set(
    store: &dyn EventStore,
    filter: &Filter,
    window: Window,
    without: &HashSet<EventId>,
    now: Timestamp,
) -> Result<Option<OwnSet>, StoreError> {
    let mut scan = store.outline(OutlineQuery {
        filter: window.narrow(filter),
        now,
        direction: Direction::NewestFirst,
        rows: 0,
    });
    let budget = Budget {
        events: usize::MAX,
        bytes: usize::MAX,
        rows: SLICE_ROWS,
    };
    let (mut builder, mut events) = (SnapshotBuilder::default(), Vec::new());
    loop {
        let batch = scan.next(&Viewer::operator(), budget).await?;
        let here = || {
            let all = batch.outlines.iter();
            all.filter(|one| !without.contains(&one.id))
        };
        builder.extend(here().map(|one| (one.created_at, one.id)));
        events.extend(here().map(|one| Own {
            id: one.id,
            number: one.number.0,
            at: one.created_at.0,
        }));
        if events.len() > MOST {
            return Ok(None);
        }
        if batch.end {
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(Some(OwnSet {
        snapshot: builder.finish(),
        events,
    }))
}
