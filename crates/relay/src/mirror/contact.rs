//! Makes up for what was missed, and then notes now and then that there is contact.

use std::convert::Infallible;
use std::time::Duration;

use stentor_event::Filter;
use stentor_peer::{Peer, Window};

use super::place::{Place, Reached};
use super::status::MirrorState;
use super::task::Mirror;
use crate::state::now;
use crate::sync::{Direction, Home, Journal, Method, Order, Plan, Run, SyncError, begin, overlap};

/// How often it is noted that there is contact.
const NOTE_EVERY: Duration = Duration::from_secs(30);

/// From when on there may be something of a filter to make up for.
pub(super) fn since(reached: Reached, filter: &Filter) -> u64 {
    if reached.history {
        reached.contact.saturating_sub(overlap(filter))
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
    let done = catch_up(mirror, home, peer, place).await?;
    place
        .update(|reached| {
            reached.contact = begun;
            reached.history = true;
        })
        .await?;
    for journal in done {
        journal.clear().await?;
    }
    mirror.status.set(MirrorState::Live);
    loop {
        tokio::time::sleep(NOTE_EVERY).await;
        let time = now().0;
        place.update(|reached| reached.contact = time).await?;
    }
}

/// Makes up for what was missed, filter by filter. What is done is written down, so that a connection that breaks, or a restart,
/// does not have it begin anew. Returns where that is, to be cleared when all is done.
async fn catch_up(
    mirror: &Mirror,
    home: &Home,
    peer: &Peer,
    place: &Place,
) -> Result<Vec<Journal>, SyncError> {
    let reached = place.reached().await;
    let direction = if reached.history {
        // What we have published meanwhile is in the feed.
        Direction::Down
    } else {
        mirror.config.direction
    };
    let nothing = reached.history && !mirror.config.direction.is_down()
        || !reached.history && mirror.config.history_seconds == 0;
    if nothing {
        return Ok(Vec::new());
    }
    let reconciles = mirror.remote().may_reconcile().await;
    let mut journals = Vec::new();
    for filter in &mirror.filters {
        let since = since(reached, filter);
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
        let journal = mirror.journal(home, &order);
        let tally = &mirror.status.tally;
        let mut pass = Some(begin(&journal, window, tally).await?);
        while let Some(current) = pass {
            pass = current.next(window, filter);
            let run = Run {
                peer,
                home,
                order: &order,
                config: &mirror.outbound.sync,
                tally,
                origins: mirror.origins(),
                journal: Some((&journal, current.begun)),
            };
            run.finish(&mut Plan::new(current.todo, reconciles, now().0))
                .await?;
        }
        journals.push(journal);
    }
    Ok(journals)
}
