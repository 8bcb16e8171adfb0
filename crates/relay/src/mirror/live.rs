//! Down, as it happens: subscriptions whose events are taken in as they come.

use std::convert::Infallible;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, select_all, unfold};
use stentor_event::{Event, Filter};
use stentor_peer::{Incoming, Over, Peer, Subscription};

use super::task::Mirror;
use crate::sync::{Arrival, Home, SyncError, report};

/// Filters in one REQ; relays allow 10 and more.
const FILTERS: usize = 10;
/// Old events that a relay may send before it says that what follows is new. Many do not understand a limit of 0 or 1, but none sends
/// so many for one REQ.
const OLD: u64 = 100_000;
/// Events handed to the store at once, of those that have come already.
const BATCH: usize = 128;

/// Live events of all filters.
pub(super) type Events = BoxStream<'static, Result<Event, SyncError>>;

/// Opens the subscriptions. Of what is stored there, only what was made at `since` or later is let through: the rest was not asked
/// for, but many relays do not understand a limit of 0.
///
/// # Errors
/// When the connection has ended.
pub(super) async fn open(
    peer: &Peer,
    filters: &[Filter],
    since: impl Fn(&Filter) -> u64,
) -> Result<Events, SyncError> {
    let mut streams = Vec::new();
    for chunk in filters.chunks(FILTERS) {
        let since = chunk.iter().map(&since).min().unwrap_or(u64::MAX);
        let filters = chunk.iter().map(|filter| Filter {
            limit: Some(1),
            ..filter.clone()
        });
        let subscription = peer.req(filters.collect()).await?;
        streams.push(events(subscription, since));
    }
    Ok(select_all(streams).boxed())
}

fn events(subscription: Subscription, since: u64) -> Events {
    let step = move |(mut subscription, mut live, mut old): (Subscription, bool, u64)| async move {
        loop {
            match subscription.next().await? {
                Incoming::Event(event) if live || event.created_at().0 >= since => {
                    return Some((Ok(event), (subscription, live, old)));
                }
                Incoming::Event(_) if old >= OLD => {
                    return Some((Err(Over::TooMany.into()), (subscription, live, old)));
                }
                Incoming::Event(_) => old += 1,
                Incoming::Eose(_) => live = true,
                Incoming::Over(over) => return Some((Err(over.into()), (subscription, live, old))),
            }
        }
    };
    unfold((subscription, false, 0), step).boxed()
}

/// Takes in what comes, until a subscription ends.
///
/// # Errors
/// Why it has ended; those of our store.
pub(super) async fn follow(
    mirror: &Mirror,
    home: &Home,
    peer: &Peer,
    events: Events,
) -> Result<Infallible, SyncError> {
    let mut batches = events.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        let mut taken = Vec::with_capacity(batch.len());
        let mut end = None;
        for item in batch {
            match item {
                Ok(event) => taken.push(event),
                Err(error) => end = Some(error),
            }
        }
        let (tally, origins) = (&mirror.status.tally, mirror.origins());
        let forged = home.take(taken, Arrival::Live, tally, origins).await?;
        report(peer, forged);
        if let Some(error) = end {
            return Err(error);
        }
    }
    Err(SyncError::Refused(
        "all subscriptions have ended".to_owned(),
    ))
}
