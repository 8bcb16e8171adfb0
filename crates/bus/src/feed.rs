//! The log of Nostr: envelopes made of the store's change feed when they are read (G1.2).
//!
//! The feed holds references. An event that is still there is joined to its entry; of one that is gone only the entry of its
//! removal is left, so nothing that was deleted, has vanished or expired can be read here.

use std::sync::{Arc, OnceLock};

use serde_json::json;
use sha2::{Digest, Sha256};
use stentor_event::{Event, Timestamp, Viewer};
use stentor_store::{Change, ChangeKind, EventStore, Removal, Seq};

use crate::cursor::Place;
use crate::entry::{Entry, Page};
use crate::envelope::{Data, Envelope, id_at};
use crate::{BusError, EventType, Log};

/// Reads entries behind a place. They are read as the operator: who may see them is judged for each reader, in one place
/// ([`Selection`](crate::selection::Selection)).
pub(crate) async fn read(
    store: &dyn EventStore,
    epoch: u64,
    after: Place,
    limit: u64,
    now: Timestamp,
) -> Result<Page, BusError> {
    let viewer = Viewer::operator();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let end = store.last_seq().0;
    let changes = store.changes(Seq(after.seq), most, &viewer, now).await?;
    let last = changes.last().map(place);
    let entries = changes.into_iter();
    let entries: Vec<Arc<Entry>> = entries
        .filter_map(|change| entry(epoch, change))
        .map(Arc::new)
        .collect();
    // Entries that the store cannot tell anything of any more are passed over.
    let passed = Place {
        seq: after.seq.saturating_add(limit).min(end).max(after.seq),
        ..after
    };
    let reached = last.unwrap_or(passed);
    Ok(Page {
        entries,
        full: reached.seq < end,
        end: reached,
    })
}

/// The place of a change.
pub(crate) fn place(change: &Change) -> Place {
    let code: u8 = match change.kind {
        ChangeKind::Added => 0,
        ChangeKind::Removed(_) => 1,
    };
    let mut hash = Sha256::new();
    hash.update(change.number.0.to_be_bytes());
    hash.update([code]);
    hash.update(change.committed_ms.to_be_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    Place {
        seq: change.seq.0,
        mark: hash.first_chunk().copied().map_or(0, u32::from_be_bytes),
    }
}

/// The change at a position, if the store can tell of it.
pub(crate) async fn change_at(
    store: &dyn EventStore,
    seq: u64,
) -> Result<Option<Change>, BusError> {
    let Some(before) = seq.checked_sub(1) else {
        return Ok(None);
    };
    let viewer = Viewer::operator();
    let changes = store
        .changes(Seq(before), 1, &viewer, Timestamp(u64::MAX))
        .await?;
    Ok(changes.into_iter().find(|change| change.seq.0 == seq))
}

fn entry(epoch: u64, change: Change) -> Option<Entry> {
    let place = place(&change);
    match change.kind {
        ChangeKind::Added => {
            let event = change.event?;
            let time_ms = change.committed_ms;
            let id = id_at(epoch, Log::Nostr, place.seq, time_ms);
            let mut envelope = of_event(EventType::NostrEventStored, event, id, time_ms);
            envelope.seq = Some(place.seq);
            Some(Entry::new(place, envelope, None))
        }
        ChangeKind::Removed(cause) => {
            let id = change.id?;
            let kind = change.former.as_ref().map(|former| former.kind.0);
            let envelope = Envelope {
                id: id_at(epoch, Log::Nostr, place.seq, change.committed_ms),
                event_type: EventType::NostrEventDeleted,
                subject: Some(id.to_string()),
                time_ms: change.committed_ms,
                seq: Some(place.seq),
                tenant: None,
                owner: None,
                actor: None,
                traceparent: None,
                data: Data::Json(
                    json!({ "id": id.to_string(), "kind": kind, "reason": reason(cause) })
                        .to_string(),
                ),
                detail: None,
                text: OnceLock::new(),
                full_text: OnceLock::new(),
            };
            Some(Entry::new(place, envelope, change.former))
        }
    }
}

/// Why an event is gone, in the words of the store's change feed.
fn reason(cause: Removal) -> serde_json::Value {
    serde_json::to_value(cause).unwrap_or_default()
}

/// The envelope of an event, in no log yet.
pub(crate) fn of_event(
    event_type: EventType,
    event: Event,
    id: uuid::Uuid,
    time_ms: u64,
) -> Envelope {
    Envelope {
        id,
        event_type,
        subject: Some(event.id().to_string()),
        time_ms,
        seq: None,
        tenant: None,
        owner: None,
        actor: Some(format!("nostr:{}", event.pubkey())),
        traceparent: stentor_trace::tied(&event.id().0).map(|it| it.to_string()),
        data: Data::Event(event),
        detail: None,
        text: OnceLock::new(),
        full_text: OnceLock::new(),
    }
}
