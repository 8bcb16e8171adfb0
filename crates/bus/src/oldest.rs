//! What is kept, and whether a cursor still fits it.

use stentor_store::EventStore;

use crate::bus::{Shared, now_ms};
use crate::cursor::{Cursor, Place};
use crate::{BusError, ReadError, feed, outbox};

/// Before the oldest entries that are kept.
pub(crate) async fn oldest(shared: &Shared) -> Result<Cursor, BusError> {
    let extent = outbox::extent(&shared.database).await?;
    let before = extent.first.saturating_sub(1);
    let mark = outbox::mark_at(&shared.database, before).await?;
    Ok(Cursor {
        epoch: shared.epoch,
        nostr: oldest_change(shared).await?,
        records: Place {
            seq: before,
            mark: mark.unwrap_or_default(),
        },
    })
}

/// Before the first entries of a moment or later, as far as they are kept.
pub(crate) async fn before(shared: &Shared, time_ms: u64) -> Result<Cursor, BusError> {
    let oldest = oldest(shared).await?;
    let nostr = change_before(shared, time_ms).await?;
    let seq = outbox::last_before(&shared.database, time_ms).await?;
    let mark = outbox::mark_at(&shared.database, seq).await?;
    let records = Place {
        seq,
        mark: mark.unwrap_or_default(),
    };
    let later = |one: Place, other: Place| if one.seq >= other.seq { one } else { other };
    Ok(Cursor {
        nostr: later(nostr, oldest.nostr),
        records: later(records, oldest.records),
        ..oldest
    })
}

/// Before the oldest change that is kept.
pub(crate) async fn oldest_change(shared: &Shared) -> Result<Place, BusError> {
    change_before(shared, shared.config.kept_from(now_ms())).await
}

/// Before the first change of a moment or later: the feed is in the order of time, but for a clock that was set back.
async fn change_before(shared: &Shared, time_ms: u64) -> Result<Place, BusError> {
    let store = shared.store.as_ref();
    let end = store.last_seq().0;
    let (mut low, mut high) = (first_by_number(shared, end), end);
    while low < high {
        let middle = low + (high - low) / 2;
        let is_old = feed::change_at(store, middle + 1)
            .await?
            .is_none_or(|change| change.committed_ms < time_ms);
        if is_old {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    place_at(store, low).await
}

/// Before the oldest change by the number of them that is kept.
fn first_by_number(shared: &Shared, end: u64) -> u64 {
    match shared.config.retention_changes {
        0 => 0,
        most => end.saturating_sub(most),
    }
}

async fn place_at(store: &dyn EventStore, seq: u64) -> Result<Place, BusError> {
    let change = feed::change_at(store, seq).await?;
    let unknown = Place { seq, mark: 0 };
    Ok(change.as_ref().map_or(unknown, feed::place))
}

/// Whether everything behind the cursor can still be read.
///
/// # Errors
/// [`ReadError::Resync`] when it cannot; else what the logs have against being read.
pub(crate) async fn check(shared: &Shared, cursor: &Cursor) -> Result<(), ReadError> {
    let fits = cursor.epoch == shared.epoch
        && nostr_fits(shared, cursor.nostr).await?
        && records_fit(shared, cursor.records).await?;
    if fits {
        return Ok(());
    }
    let oldest = oldest(shared).await?;
    Err(ReadError::Resync { oldest })
}

async fn nostr_fits(shared: &Shared, place: Place) -> Result<bool, BusError> {
    let store = shared.store.as_ref();
    let end = store.last_seq().0;
    if place.seq > end || place.seq < first_by_number(shared, end) {
        return Ok(false);
    }
    if place.seq > 0 && place_at(store, place.seq).await?.mark != place.mark {
        return Ok(false);
    }
    let next = feed::change_at(store, place.seq + 1).await?;
    let kept_from = shared.config.kept_from(now_ms());
    Ok(next.is_none_or(|change| change.committed_ms >= kept_from))
}

async fn records_fit(shared: &Shared, place: Place) -> Result<bool, BusError> {
    let extent = outbox::extent(&shared.database).await?;
    if place.seq > extent.last || place.seq + 1 < extent.first {
        return Ok(false);
    }
    let mark = outbox::mark_at(&shared.database, place.seq).await?;
    Ok(mark.is_none_or(|mark| mark == place.mark))
}
