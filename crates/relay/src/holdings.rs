//! What the store holds of somebody.

use std::sync::Arc;

use stentor_event::{Event, Filter, Timestamp, Viewer};
use stentor_store::{Budget, EventStore, Query, ScanLimits, StoreError, StoredEvent};

/// Rows looked at before it is given up: such a question is a cheap one or none.
const ROWS: u64 = 100_000;

/// The newest events that match the filter, at most `most`, whoever may see them.
pub(crate) async fn newest(
    store: &Arc<dyn EventStore>,
    filter: Filter,
    most: usize,
    now: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let found = newest_stored(store, filter, most, now).await?;
    let events = found.into_iter();
    Ok(events
        .filter_map(|stored| Event::from_canonical(stored.json).ok())
        .collect())
}

/// The same events, as the store has them.
pub(crate) async fn newest_stored(
    store: &Arc<dyn EventStore>,
    filter: Filter,
    most: usize,
    now: Timestamp,
) -> Result<Vec<StoredEvent>, StoreError> {
    let query = Query {
        filters: Arc::from([filter]),
        now,
        before: None,
        limits: ScanLimits { cap: 0, rows: ROWS },
    };
    let budget = Budget {
        events: most.max(1),
        bytes: usize::MAX,
        rows: 4_096,
    };
    let (viewer, mut scan, mut found) = (Viewer::operator(), store.scan(query), Vec::new());
    while found.len() < most {
        let batch = scan.next(&viewer, budget).await?;
        found.extend(batch.events);
        if batch.end.is_some() {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}
