//! Up: publishes events, several at once, and again those that are refused for now.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{FutureExt, StreamExt, stream};
use stentor_event::Event;
use stentor_peer::{OkAnswer, Peer, PeerError};

use super::error::SyncError;
use super::judge::{self, Unsent};
use super::query::{patience, pause};
use super::tally::Tally;

/// Events on their way at once; the connection's own window is usually smaller.
const AT_ONCE: usize = 64;
/// Rounds in a row in which nothing is taken, after which the rest is given up.
const TRIES: u32 = 8;

/// Publishes those of these events that `may` leave at the moment when they are sent; returns when each has been answered or
/// given up.
///
/// # Errors
/// When the connection ends, or an answer does not come in time. What was not answered by then may or may not have been taken.
pub(crate) async fn send(
    peer: &Peer,
    mut events: Vec<Event>,
    tally: &Tally,
    may: impl Fn(&Event) -> bool,
) -> Result<(), SyncError> {
    let mut backoff = patience();
    loop {
        // A pause is long enough for something to become private.
        events.retain(|event| {
            let may = may(event);
            if !may {
                tally.withheld();
            }
            may
        });
        if events.is_empty() {
            return Ok(());
        }
        let before = events.len();
        let left = round(peer, events, tally, backoff.failures() >= TRIES).await?;
        if left.len() < before {
            backoff.reset();
        }
        if !left.is_empty() {
            pause(&mut backoff).await;
        }
        events = left;
    }
}

/// Publishes each once; gives back those that may be taken later, unless this is the `last` time.
async fn round(
    peer: &Peer,
    events: Vec<Event>,
    tally: &Tally,
    last: bool,
) -> Result<Vec<Event>, SyncError> {
    // Set when the relay has us wait, or does not answer: what has not been sent by then stays here.
    let waiting = AtomicBool::new(false);
    let publish = |event: Event| {
        let waiting = &waiting;
        async move {
            if waiting.load(Ordering::Relaxed) {
                return (event, None);
            }
            let answer = peer.publish(&event).await;
            let later = matches!(&answer, Ok(answer) if !last && is_later(answer));
            if later || answer.is_err() {
                waiting.store(true, Ordering::Relaxed);
            }
            (event, Some(answer))
        }
        .boxed()
    };
    // A batch at most: few enough to be made at once.
    let publications: Vec<_> = events.into_iter().map(publish).collect();
    let mut answers = stream::iter(publications).buffer_unordered(AT_ONCE);
    let (mut left, mut failed) = (Vec::new(), None);
    while let Some((event, answer)) = answers.next().await {
        match answer {
            None => left.push(event),
            Some(Ok(answer)) if answer.accepted => {
                tally.sent(answer.prefix() == Some("duplicate"));
            }
            Some(Ok(answer)) if !last && is_later(&answer) => left.push(event),
            Some(Ok(answer)) => tally.refused(judge::counted(&answer.reason)),
            // It may have been taken or not: to send it again over a new connection does no harm. Those on their way may still
            // be answered.
            Some(Err(PeerError::Timeout)) => failed = Some(PeerError::Timeout),
            Some(Err(error)) => return Err(error.into()),
        }
    }
    failed.map_or(Ok(left), |error| Err(error.into()))
}

fn is_later(answer: &OkAnswer) -> bool {
    !answer.accepted && judge::unsent(answer.prefix()) == Unsent::Later
}
