//! One entry of a log read once more, for who was to be given it before.

use std::sync::Arc;

use crate::bus::{Shared, now};
use crate::cursor::Place;
use crate::entry::Entry;
use crate::envelope::Envelope;
use crate::selection::{Audience, Interest, Selection};
use crate::{BusError, Log, feed, outbox};

/// What stands at a position, as it may be shown now.
#[derive(Debug, Clone)]
pub struct Again(Arc<Entry>);

impl Again {
    /// The envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.0.envelope
    }
}

/// See [`Bus::again`](crate::Bus::again).
pub(crate) async fn again(
    shared: &Shared,
    log: Log,
    seq: u64,
    audience: Audience,
    interest: Interest,
) -> Result<Option<Again>, BusError> {
    let Some(before) = seq.checked_sub(1) else {
        return Ok(None);
    };
    let (store, now) = (shared.store.as_ref(), now());
    let before = Place {
        seq: before,
        mark: 0,
    };
    let page = match log {
        Log::Nostr => feed::read(store, shared.epoch, before, 1, now).await?,
        Log::Records => outbox::read(&shared.database, before, 1).await?,
    };
    let selection = Selection::new(audience, interest, store);
    let entry = page.entries.into_iter().next();
    let shown = entry.filter(|entry| entry.place.seq == seq && selection.takes(entry, now));
    Ok(shown.map(Again))
}
