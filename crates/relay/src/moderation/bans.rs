//! What is banned leaves the store, also when the node ended between the ban and its effect.
//!
//! A ban of a key removes what the key has written, and nothing else: gift wraps to it are somebody else's. Requests to
//! vanish (NIP-62) stay, whoever has banned them or their authors: they keep what has vanished from coming back (R1.13).

use std::sync::Arc;

use stentor_event::{EventId, Filter, Kind, PublicKey, Timestamp, Viewer};
use stentor_store::{Budget, Direction, EventStore, OutlineQuery, StoreError};

use crate::access::Lists;
use crate::holdings::newest;

/// Events removed at once.
const AT_ONCE: usize = 1_000;
/// Keys whose events are looked for at once.
const KEYS_AT_ONCE: usize = 100;
/// Rows looked at between two turns of others.
const SLICE_ROWS: u64 = 16_384;
/// No event has expired by then: what has and waits for the next purge is to be removed too.
const BEFORE_ALL: Timestamp = Timestamp(0);

/// Removes whatever the store has of what is banned; to be called before anybody is served. A ban is written down first
/// and takes effect on the store then: a crash in between, or a backup of that moment, leaves the second part undone.
pub(crate) async fn remove_banned(
    store: &Arc<dyn EventStore>,
    lists: &Lists,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    let keys: Vec<PublicKey> = lists.banned_keys.keys().copied().collect();
    for keys in keys.chunks(KEYS_AT_ONCE) {
        removed += remove_authors(store, keys).await?;
    }
    let ids: Vec<EventId> = lists.banned_events.keys().copied().collect();
    for ids in ids.chunks(AT_ONCE) {
        removed += remove_events(store, ids).await?;
    }
    Ok(removed)
}

/// Removes what these keys have written. Returns how much there was.
pub(crate) async fn remove_authors(
    store: &Arc<dyn EventStore>,
    keys: &[PublicKey],
) -> Result<u64, StoreError> {
    let mut authors = keys.to_vec();
    authors.sort_unstable();
    let mut scan = store.outline(OutlineQuery {
        filter: Filter {
            authors: Some(authors),
            ..Filter::default()
        },
        now: BEFORE_ALL,
        direction: Direction::NewestFirst,
        rows: 0,
    });
    let budget = Budget {
        events: AT_ONCE,
        bytes: usize::MAX,
        rows: SLICE_ROWS,
    };
    let (viewer, mut removed) = (Viewer::operator(), 0);
    loop {
        let batch = scan.next(&viewer, budget).await?;
        let outlines = batch.outlines.iter();
        let theirs = outlines.filter(|outline| outline.kind != Kind::VANISH);
        let ids: Vec<EventId> = theirs.map(|outline| outline.id).collect();
        if !ids.is_empty() {
            removed += store.remove(&ids).await?;
        }
        if batch.end {
            return Ok(removed);
        }
    }
}

/// Removes these events. Returns how many there were.
pub(crate) async fn remove_events(
    store: &Arc<dyn EventStore>,
    ids: &[EventId],
) -> Result<u64, StoreError> {
    let stay = requests_to_vanish(store, ids).await?;
    let mut ids = ids.to_vec();
    ids.retain(|id| !stay.contains(id));
    match ids.is_empty() {
        true => Ok(0),
        false => store.remove(&ids).await,
    }
}

/// Whether this is a request to vanish that is here.
pub(crate) async fn stays(store: &Arc<dyn EventStore>, id: EventId) -> Result<bool, StoreError> {
    Ok(!requests_to_vanish(store, &[id]).await?.is_empty())
}

/// Those of these events that are requests to vanish.
async fn requests_to_vanish(
    store: &Arc<dyn EventStore>,
    ids: &[EventId],
) -> Result<Vec<EventId>, StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let most = ids.len();
    let filter = Filter {
        ids: Some(ids),
        kinds: Some(vec![Kind::VANISH]),
        ..Filter::default()
    };
    let found = newest(store, filter, most, BEFORE_ALL).await?;
    Ok(found.iter().map(|event| event.id()).collect())
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, SecretKey};
    use stentor_store::{Keep, RelayScope, Submission, memory};

    use super::*;

    #[tokio::test]
    async fn r1_13_at_the_start_bans_spare_requests_to_vanish_and_wraps_to_the_banned() {
        let store: Arc<dyn EventStore> =
            Arc::new(memory::Store::new(Keep::Current, RelayScope::default()));
        let secret = |number| SecretKey::from_bytes([number; 32]).unwrap();
        let (banned, other) = (secret(1), secret(2));
        let made = |kind, at, by: &SecretKey| {
            let recipient = banned.public_key().to_string();
            EventBuilder::new(Kind(kind), Timestamp(at))
                .tag(["relay", "wss://elsewhere.example.com"])
                .tag(["p", &recipient])
                .sign(by)
        };
        let gone = [
            made(1, 10, &banned),
            made(0, 11, &banned),
            made(1, 12, &other),
        ];
        let stay = [
            made(62, 9, &banned),
            made(1_059, 8, &other),
            made(1, 7, &other),
            made(62, 6, &other),
        ];
        let submission = |event: &stentor_event::Event| Submission {
            event: event.clone(),
            verified: true,
        };
        let all = gone.iter().chain(&stay).map(submission).collect();
        store.submit(all, Timestamp(100)).await.unwrap();
        let mut lists = Lists::default();
        lists.banned_keys.insert(banned.public_key(), None);
        for event in [&gone[2], &stay[3]] {
            lists.banned_events.insert(event.id(), None);
        }
        assert_eq!(remove_banned(&store, &lists).await.unwrap(), 3);
        let left = newest(&store, Filter::default(), 10, Timestamp(100)).await;
        let left: Vec<EventId> = left.unwrap().iter().map(|event| event.id()).collect();
        assert_eq!(left, stay.map(|event| event.id()));
        assert_eq!(remove_banned(&store, &lists).await.unwrap(), 0);
    }
}
