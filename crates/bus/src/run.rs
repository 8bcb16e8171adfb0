//! What the bus does by itself: reading the ends of the logs for live readers, and removing what is older than is kept.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::Event;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::bus::{Bus, Shared, now, now_ms};
use crate::entry::Entry;
use crate::envelope::new_id;
use crate::transport::News;
use crate::{BusError, EventType, Log, feed, measure, outbox};

/// Entries of a log that are read at once.
const READ: u64 = 512;
/// Least time between two looks at the ends: what comes in between goes to the readers together.
const PULSE: Duration = Duration::from_millis(2);
/// Wait after an error.
const PAUSE: Duration = Duration::from_millis(500);
/// Time between two removals of what is old.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Entries removed in one transaction.
const PRUNE: u64 = 1_000;

impl Bus {
    /// Serves the live readers, until the future is dropped.
    pub async fn run(&self) {
        let shared = &self.shared;
        let mut end = shared.store.follow();
        let mut poll = interval(shared.config.poll());
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut passing = Vec::new();
        loop {
            if shared.hub.live() == 0 {
                passing.clear();
                shared.hub.joined.notified().await;
            }
            let begun = Instant::now();
            if let Err(error) = serve(shared, std::mem::take(&mut passing)).await {
                tracing::warn!(%error, "the bus cannot read");
                metrics::counter!("stentor_bus_errors_total").increment(1);
                measure::lag(shared);
                sleep(PAUSE).await;
            }
            tokio::time::sleep_until(begun + PULSE).await;
            tokio::select! {
                moved = end.changed() => if moved.is_err() { return },
                news = shared.transport.news() => if let News::Passing(events) = news { passing = events },
                () = shared.hub.joined.notified() => {}
                _ = poll.tick() => {}
            }
        }
    }

    /// Removes what is older than is kept, now and then, until the future is dropped.
    pub async fn prune(&self) {
        let mut ticks = interval(PRUNE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.prune_now().await {
                tracing::warn!(%error, "the bus cannot remove what is old");
                metrics::counter!("stentor_bus_errors_total").increment(1);
            }
        }
    }

    /// Removes what is older than is kept. Returns how many entries.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn prune_now(&self) -> Result<u64, BusError> {
        let shared = &self.shared;
        let kept_from = shared.config.kept_from(now_ms());
        let mut removed = 0;
        loop {
            let bytes = shared.config.retention_bytes;
            let some = outbox::prune(&shared.database, kept_from, bytes, PRUNE).await?;
            removed += some;
            if some < PRUNE {
                break;
            }
        }
        measure::logs(shared).await?;
        Ok(removed)
    }
}

/// Gives the readers all that is new, and what passes by.
async fn serve(shared: &Shared, passing: Vec<Event>) -> Result<(), BusError> {
    for event in passing {
        pass(shared, event).await?;
    }
    loop {
        measure::lag(shared);
        let nostr = shared.hub.end(Log::Nostr);
        let mut more = false;
        if nostr.seq < shared.store.last_seq().0 {
            let store = shared.store.as_ref();
            let page = feed::read(store, shared.epoch, nostr, READ, now()).await?;
            shared.hub.extend(Log::Nostr, nostr, &page, now()).await;
            more |= page.full;
        }
        let records = shared.hub.end(Log::Records);
        let page = outbox::read(&shared.database, records, READ).await?;
        if page.end != records {
            shared.hub.extend(Log::Records, records, &page, now()).await;
        }
        more |= page.full;
        if !more || shared.hub.live() == 0 {
            measure::lag(shared);
            return Ok(());
        }
    }
}

/// Gives the readers an ephemeral event.
async fn pass(shared: &Shared, event: Event) -> Result<(), BusError> {
    let time_ms = now_ms();
    let id = new_id(time_ms).map_err(|_| BusError::NoRandomness)?;
    let envelope = feed::of_event(EventType::NostrEventEphemeral, event, id, time_ms);
    let entry = Entry::new(shared.hub.end(Log::Nostr), envelope, None);
    shared.hub.pass(&Arc::new(entry), now()).await;
    Ok(())
}
