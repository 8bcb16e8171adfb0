//! `/observatory/live`: which parts of pages may have changed, as Server-Sent Events.
//!
//! An event `changed` has the names of parts as a JSON list; the script of the console asks for those that its page has, with the address of
//! the page, which is judged as any request is. Nothing else is told, so that a stream may outlive the key that opened it by as long as the
//! browser keeps it. What changes within a second is one event; a comment is written each 15 seconds when all is quiet.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use http::request::Parts;
use stentor_serve::DrainSignal;
use stentor_serve::sse::{Event, EventStream, Events, StreamConfig};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::shell::Frame;
use super::visit::admit;
use super::{Pages, failure};
use crate::api::Failure;
use crate::signals::{Changes, Topic};

/// Streams at once. A browser has one for each tab that is seen.
pub(super) const MOST: usize = 512;
/// The shortest time between two events.
const LEAST: Duration = Duration::from_secs(1);
/// Silence after which a comment is written.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The shortest time until a browser comes back after a drain, in milliseconds; it may be twice as long.
const RECONNECT: u64 = 2_000;

/// The parts of pages that show a topic.
const fn parts(topic: Topic) -> &'static [&'static str] {
    match topic {
        Topic::Relays => &["relays", "overview-relays", "overview-programs", "map"],
        Topic::Checks => &[
            "relays",
            "overview-relays",
            "overview-checks",
            "overview-programs",
            "overview-ranking",
            "map",
            "relay-status",
            "relay-charts",
            "relay-checks",
            "relay-facts",
            "relay-changes",
            "relay-score",
        ],
        Topic::Archive => &[
            "relay-coverage",
            "relay-archive",
            "overview-archive",
            "overview-latency",
            "coverage-totals",
            "coverage",
            "archive-progress",
            "archive-relays",
            "event-holders",
        ],
        Topic::Statistics => &[
            "relays",
            "relay-status",
            "relay-archive",
            "relay-score",
            "overview-archive",
            "overview-activity",
            "overview-copies",
            "overview-lists",
            "archive-progress",
        ],
    }
}

/// Streams which parts of pages may have changed.
pub(super) async fn live(
    State(pages): State<Pages>,
    Extension(drain): Extension<DrainSignal>,
    head: Parts,
) -> Response {
    let place = Arc::clone(&pages.streams).try_acquire_owned();
    let admitted = match (admit(&pages, &head).await, place) {
        (Err(failure), _) => Err(failure),
        (Ok(()), Ok(place)) if !drain.is_draining() => Ok(place),
        (Ok(()), _) => Err(Failure::Busy),
    };
    match admitted {
        Ok(place) => {
            let config = StreamConfig {
                keep_alive: KEEP_ALIVE,
                reconnect: reconnect(),
            };
            let told = told(pages.ground().signals.changes(), place);
            EventStream::new(told, config, drain).into_response()
        }
        Err(failure) => failure::page(&Frame::of(&head, &pages), failure),
    }
}

/// Drawn anew for each stream, lest all come back at once.
fn reconnect() -> Duration {
    let mut bytes = [0; 8];
    // Without randomness all come back after the same time.
    let _ = getrandom::fill(&mut bytes);
    Duration::from_millis(RECONNECT + u64::from_le_bytes(bytes) % RECONNECT)
}

/// What one stream has told.
struct Told {
    counts: watch::Receiver<Changes>,
    seen: Changes,
    /// When the next event may be told.
    next: Instant,
    /// The stream's place among all.
    _place: OwnedSemaphorePermit,
}

fn told(
    mut counts: watch::Receiver<Changes>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Events> + Send + 'static {
    let seen = *counts.borrow_and_update();
    let told = Told {
        counts,
        seen,
        next: Instant::now(),
        _place: place,
    };
    stream::unfold(told, |mut told| async move {
        told.counts.changed().await.ok()?;
        sleep_until(told.next).await;
        let now = *told.counts.borrow_and_update();
        let events = event(&told.seen, &now);
        told.seen = now;
        told.next = Instant::now() + LEAST;
        Some((events, told))
    })
}

/// The event for what has changed between two counts.
fn event(before: &Changes, now: &Changes) -> Events {
    let mut names: Vec<&str> = Topic::ALL
        .iter()
        .zip(before.iter().zip(now))
        .filter(|(_, (before, now))| before != now)
        .flat_map(|(topic, _)| parts(*topic).iter().copied())
        .collect();
    names.sort_unstable();
    names.dedup();
    let data = serde_json::to_string(&names).unwrap_or_default();
    let mut events = Events::new();
    // The name is ours, and good.
    let _ = events.event(&Event {
        id: None,
        name: Some("changed"),
        data: &data,
    });
    events
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::signals::Signals;

    fn text(events: Events) -> String {
        String::from_utf8(events.into_bytes()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn o4_4_what_changes_within_a_second_is_one_event() {
        let signals = Signals::default();
        signals.changed(Topic::Statistics);
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let mut stream = Box::pin(told(signals.changes(), place));
        let begun = Instant::now();
        signals.changed(Topic::Relays);
        let first = text(stream.next().await.unwrap());
        let names = "[\"map\",\"overview-programs\",\"overview-relays\",\"relays\"]";
        assert_eq!(first, format!("event: changed\ndata: {names}\n\n"));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            signals.changed(Topic::Archive);
            signals.changed(Topic::Checks);
        }
        let second = text(stream.next().await.unwrap());
        assert!(second.contains("relay-checks") && second.contains("relay-coverage"));
        assert_eq!(begun.elapsed(), LEAST);
        let third = tokio::time::timeout(Duration::from_secs(60), stream.next());
        assert!(third.await.is_err(), "nothing has changed since");
        drop(stream);
        assert_eq!(places.available_permits(), 1);
    }
}
