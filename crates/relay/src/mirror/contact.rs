//! Makes up for what was missed, and then notes now and then that there is contact.

use std::convert::Infallible;
use std::time::Duration;

use stentor_peer::Peer;

use super::place::{Place, Reached};
use super::status::MirrorState;
use super::task::Mirror;
use crate::state::now;
use crate::sync::{Direction, Home, Method, Order, Plan, Run, SyncError, Window};

/// Seconds before the last contact from which on it is made up for: clocks differ, and events come to a relay later than they were
/// made.
const OVERLAP: u64 = 3_600;
/// How often it is noted that there is contact.
const NOTE_EVERY: Duration = Duration::from_secs(30);

/// From when on there is something to make up for.
pub(super) const fn since(reached: Reached) -> u64 {
    if reached.history {
        reached.contact.saturating_sub(OVERLAP)
    } else {
        reached.contact
    }
}

/// Makes up for the gap, then notes the time. Does not end by itself.
///
/// # Errors
/// Those of the synchronisation, and of the records.
pub(super) async fn keep(
    mirror: &Mirror,
    home: &Home,
    peer: &Peer,
    place: &Place,
) -> Result<Infallible, SyncError> {
    let begun = now().0;
    catch_up(mirror, home, peer, place).await?;
    place
        .update(|reached| {
            reached.contact = begun;
            reached.history = true;
        })
        .await?;
    mirror.status.set(MirrorState::Live);
    loop {
        tokio::time::sleep(NOTE_EVERY).await;
        let time = now().0;
        place.update(|reached| reached.contact = time).await?;
    }
}

async fn catch_up(
    mirror: &Mirror,
    home: &Home,
    peer: &Peer,
    place: &Place,
) -> Result<(), SyncError> {
    let reached = place.reached().await;
    let since = since(reached);
    let direction = if reached.history {
        // What we have published meanwhile is in the feed.
        Direction::Down
    } else {
        mirror.config.direction
    };
    let nothing = reached.history && !mirror.config.direction.is_down()
        || !reached.history && mirror.config.history_seconds == 0;
    if nothing {
        return Ok(());
    }
    let reconciles = mirror.remote().may_reconcile().await;
    for filter in &mirror.filters {
        let window = Window::of(filter).map(|window| Window {
            since: window.since.max(since),
            until: window.until,
        });
        let Some(window) = window.filter(|window| window.since <= window.until) else {
            continue;
        };
        let order = Order {
            filter: filter.clone(),
            direction,
            include_private: mirror.config.include_private,
            method: Method::Auto,
        };
        let run = Run {
            peer,
            home,
            order: &order,
            config: &mirror.outbound.sync,
            tally: &mirror.status.tally,
            origins: mirror.origins(),
            journal: None,
        };
        run.finish(&mut Plan::new(vec![window], reconciles, now().0))
            .await?;
    }
    Ok(())
}
