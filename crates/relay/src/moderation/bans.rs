//! What is banned leaves the store, also when the node ended between the ban and its effect.

use std::sync::Arc;

use stentor_event::{EventId, Timestamp};
use stentor_store::{EventStore, StoreError};

use crate::access::Lists;

/// Events removed at once.
const AT_ONCE: usize = 1_000;

/// Removes whatever the store has of what is banned; to be called before anybody is served. A ban is written down first
/// and takes effect on the store then: a crash in between, or a backup of that moment, leaves the second part undone.
pub(crate) async fn remove_banned(
    store: &Arc<dyn EventStore>,
    lists: &Lists,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for key in lists.banned_keys.keys() {
        removed += store.remove_author(*key, Timestamp(u64::MAX >> 1)).await?;
    }
    let ids: Vec<EventId> = lists.banned_events.keys().copied().collect();
    for ids in ids.chunks(AT_ONCE) {
        removed += store.remove(ids).await?;
    }
    Ok(removed)
}
