//! What the archive has of a window, for a comparison with a relay.

use stentor_event::{EventId, Filter, Timestamp, Viewer};
use stentor_peer::Window;
use stentor_store::reconcile::{Snapshot, SnapshotBuilder};
use stentor_store::{Budget, Direction, EventStore, OutlineQuery, StoreError};

/// Rows looked at between two turns of others.
const SLICE_ROWS: u64 = 8_192;
/// Events of one set: 80 MiB with all that is kept of them. With more, a smaller window is compared.
pub(super) const MOST: usize = 500_000;

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
    /// What is in it, by id.
    pub events: Vec<Own>,
}

impl OwnSet {
    /// Whether this event is in it.
    pub fn has(&self, id: &EventId) -> bool {
        self.events.binary_search_by(|own| own.id.cmp(id)).is_ok()
    }
}

/// Gathers what is here of a filter in a window; `None` when that is more than `most`.
///
/// # Errors
/// Those of the store.
pub(super) async fn own_set(
    store: &dyn EventStore,
    filter: &Filter,
    window: Window,
    now: Timestamp,
    most: usize,
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
        builder.extend(batch.outlines.iter().map(|one| (one.created_at, one.id)));
        events.extend(batch.outlines.iter().map(|one| Own {
            id: one.id,
            number: one.number.0,
            at: one.created_at.0,
        }));
        if events.len() > most {
            return Ok(None);
        }
        if batch.end {
            break;
        }
        tokio::task::yield_now().await;
    }
    events.sort_unstable_by_key(|own| own.id);
    Ok(Some(OwnSet {
        snapshot: builder.finish(),
        events,
    }))
}
