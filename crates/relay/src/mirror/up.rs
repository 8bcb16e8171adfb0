//! Up: reads our change feed and publishes what matches.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use stentor_event::{Event, Viewer};
use stentor_peer::Peer;
use stentor_store::{Change, ChangeKind, Seq};

use super::place::Place;
use super::task::Mirror;
use crate::state::now;
use crate::sync::{Home, SyncError, send};

/// Entries of the feed read at once.
const BATCH: usize = 256;
/// How often the position is written down, at most. After a cut, what was sent since is sent again, and known there.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Publishes what is new here, from where it was left. Does not end by itself.
///
/// # Errors
/// When the connection ends; those of our store and records.
pub(super) async fn publish(
    mirror: &Mirror,
    home: &Home,
    peer: &Peer,
    place: &Place,
) -> Result<Infallible, SyncError> {
    let mut commits = mirror.commits();
    let viewer = Viewer::operator();
    let store = home.store();
    let (mut seq, mut saved) = (place.reached().await.seq, Instant::now());
    loop {
        commits.mark_unchanged();
        let end = store.last_seq().0;
        let changes = store.changes(Seq(seq), BATCH, &viewer, now()).await?;
        // Entries that the store cannot show any more are of events that are gone.
        let passed = changes
            .last()
            .map_or(end.min(seq.saturating_add(BATCH as u64)), |last| last.seq.0);
        let sent = send_changes(mirror, home, peer, changes).await;
        if sent.is_err() && place.reached().await.seq != seq {
            // What was answered need not be sent again.
            place.update(|reached| reached.seq = seq).await?;
        }
        sent?;
        seq = seq.max(passed);
        let lag = store.last_seq().0.saturating_sub(seq);
        mirror.status.lag(lag);
        if saved.elapsed() >= SAVE_EVERY && place.reached().await.seq != seq {
            place.update(|reached| reached.seq = seq).await?;
            saved = Instant::now();
        }
        if lag == 0 {
            let unsaved = place.reached().await.seq != seq;
            tokio::select! {
                changed = commits.changed() => if changed.is_err() {
                    return Err(SyncError::Unavailable("the relay has ended".to_owned()));
                },
                () = tokio::time::sleep(SAVE_EVERY), if unsaved => {}
            }
        } else {
            // To read the store and to find that nothing is to be sent may take no waiting at all, however much there is.
            tokio::task::yield_now().await;
        }
    }
}

/// Sends those of these changes that are to be sent.
async fn send_changes(
    mirror: &Mirror,
    home: &Home,
    peer: &Peer,
    changes: Vec<Change>,
) -> Result<(), SyncError> {
    let events = changes
        .into_iter()
        .filter_map(|change| wanted(mirror, home, change));
    let tally = &mirror.status.tally;
    let events = home.permitted(events.collect(), tally).await;
    send(peer, events, tally, |event| may_leave(mirror, home, event)).await
}

/// Whether an event may leave by one of the filters that it matches.
fn may_leave(mirror: &Mirror, home: &Home, event: &Event) -> bool {
    let (view, include) = (event.view(), mirror.config.include_private);
    let mut matching = mirror.filters.iter().filter(|filter| filter.matches(&view));
    matching.any(|filter| home.may_leave(event, filter, include))
}

/// The event of a change that is to be sent.
fn wanted(mirror: &Mirror, home: &Home, change: Change) -> Option<Event> {
    if change.kind != ChangeKind::Added {
        return None;
    }
    let from_there = change
        .id
        .zip(mirror.origins())
        .is_some_and(|(id, origins)| origins.take(&id));
    let event = change.event.filter(|_| !from_there)?;
    let view = event.view();
    if !mirror.filters.iter().any(|filter| filter.matches(&view)) {
        return None;
    }
    if may_leave(mirror, home, &event) {
        return Some(event);
    }
    mirror.status.tally.withheld();
    None
}
