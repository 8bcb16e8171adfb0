//! EVENT: the client publishes (R1.3). All events of one read go into the store as one batch, and are answered together.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use stentor_event::{Event, EventId, Kind};
use stentor_serve::SessionIo;
use stentor_store::{EventStore, Outcome, Refusal, StoreError, Submission};

use crate::answer::{ok, too_fast};
use crate::connection::{Connection, Received};
use crate::metrics::{EventOutcome, Message};
use crate::rates::Thing;
use crate::state::now;
use crate::write_rules::{Rejection, Writing, judge};

/// The events of one connection that are on their way into the store.
#[derive(Default)]
pub(crate) struct Events {
    /// Those of the current read, and what is needed to answer them.
    next: Vec<Submission>,
    receipts: Vec<Receipt>,
    next_bytes: usize,
    batches: VecDeque<Batch>,
    count: usize,
    bytes: usize,
}

/// An event that is to be answered.
#[derive(Debug, Clone, Copy)]
struct Receipt {
    id: EventId,
    kind: Kind,
}

/// Events submitted together.
struct Batch {
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
    /// Set when it was done before those submitted earlier.
    done: Option<Answer>,
    receipts: Vec<Receipt>,
    bytes: usize,
    submitted: Instant,
}

/// What the store says.
type Answer = Result<Vec<Outcome>, StoreError>;

impl Events {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Their size in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event to the next batch.
    fn add(&mut self, event: Event) {
        let bytes = event.json().len();
        self.receipts.push(Receipt {
            id: event.id(),
            kind: event.kind(),
        });
        self.next.push(Submission {
            event,
            verified: false,
        });
        self.count += 1;
        self.next_bytes += bytes;
        self.bytes += bytes;
    }

    /// Submits what has come since the last call.
    fn submit(&mut self, store: &Arc<dyn EventStore>, cx: &mut Context<'_>) {
        if self.next.is_empty() {
            return;
        }
        let mut batch = Batch {
            future: Box::pin(submit(Arc::clone(store), std::mem::take(&mut self.next))),
            done: None,
            receipts: std::mem::take(&mut self.receipts),
            bytes: std::mem::take(&mut self.next_bytes),
            submitted: Instant::now(),
        };
        // Polled once even when others wait before it: a future does nothing until then.
        if let Poll::Ready(answer) = batch.future.as_mut().poll(cx) {
            batch.done = Some(answer);
        }
        self.batches.push_back(batch);
    }

    /// The oldest batch when it is done. The ones behind it are answered after it, as stores answer in order.
    fn poll_done(&mut self, cx: &mut Context<'_>) -> Option<(Batch, Answer)> {
        let first = self.batches.front_mut()?;
        let answer = match first.done.take() {
            Some(answer) => answer,
            None => match first.future.as_mut().poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => return None,
            },
        };
        let batch = self.batches.pop_front()?;
        self.count -= batch.receipts.len();
        self.bytes -= batch.bytes;
        Some((batch, answer))
    }
}

impl Connection {
    /// Judges an event; one that passes is answered when it is durable, any other at once.
    pub(crate) fn on_event(
        &mut self,
        event: Event,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) {
        self.state.metrics.message(Message::Event);
        match self.judge_event(&event, received) {
            Ok(()) => self.work().events.add(event),
            Err(rejection) => {
                self.state.metrics.event(event.kind(), rejection.outcome);
                ok(io, &event.id(), false, &rejection.reason);
            }
        }
    }

    fn judge_event(&mut self, event: &Event, received: &Received<'_>) -> Result<(), Rejection> {
        let settings = received.settings;
        let limited = |reason: String| Rejection::new(EventOutcome::RateLimited, reason);
        self.take(received, Thing::Event)
            .map_err(|error| limited(too_fast(&error, "events")))?;
        if self.draining {
            return Err(Rejection::new(
                EventOutcome::Failed,
                "error: the relay is shutting down",
            ));
        }
        event
            .check_id()
            .map_err(|error| Rejection::new(EventOutcome::Invalid, format!("invalid: {error}")))?;
        let writing = Writing {
            policy: &settings.config.policy,
            keys: &self.keys,
            place: self.place(settings),
            now: now(),
        };
        judge(event, &writing)?;
        if !self.state.begin(
            event.json().len(),
            settings.config.limits.bytes_in_flight_node,
        ) {
            return Err(limited("rate-limited: the relay is busy, try again".into()));
        }
        Ok(())
    }

    /// Submits what this read brought, and answers the batches that are done.
    pub(crate) fn poll_events(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        let state = Arc::clone(&self.state);
        let events = &mut self.work().events;
        events.submit(&state.store, cx);
        while let Some((batch, answer)) = events.poll_done(cx) {
            state.finish(batch.bytes);
            state
                .metrics
                .acknowledged(batch.receipts.len(), batch.submitted.elapsed());
            let outcomes = answer
                .map_err(|error| tracing::error!(%error, "events could not be stored"))
                .unwrap_or_default();
            let mut outcomes = outcomes.into_iter();
            for receipt in &batch.receipts {
                let (accepted, outcome, reason) = answer_to(outcomes.next());
                state.metrics.event(receipt.kind, outcome);
                ok(io, &receipt.id, accepted, &reason);
            }
        }
    }
}

/// The future of one batch.
async fn submit(store: Arc<dyn EventStore>, batch: Vec<Submission>) -> Answer {
    store.submit(batch, now()).await
}

/// What the client is told of an event, with the prefix of NIP-01. `None`: the store failed.
fn answer_to(outcome: Option<Outcome>) -> (bool, EventOutcome, Cow<'static, str>) {
    let refusal = match outcome {
        None => {
            return (
                false,
                EventOutcome::Failed,
                "error: the relay cannot store events now".into(),
            );
        }
        Some(Outcome::Stored(_)) => return (true, EventOutcome::Stored, "".into()),
        Some(Outcome::Ephemeral) => return (true, EventOutcome::Ephemeral, "".into()),
        Some(Outcome::Duplicate) => {
            return (
                true,
                EventOutcome::Duplicate,
                "duplicate: already have this event".into(),
            );
        }
        Some(Outcome::Refused(refusal)) => refusal,
    };
    let (prefix, outcome) = match refusal {
        Refusal::Superseded => ("duplicate", EventOutcome::Superseded),
        Refusal::Deleted | Refusal::Vanished => ("blocked", EventOutcome::Deleted),
        Refusal::Banned => ("blocked", EventOutcome::Refused),
        Refusal::Expired | Refusal::BadSignature | Refusal::NeverStored => {
            ("invalid", EventOutcome::Invalid)
        }
        Refusal::Unavailable(_) => ("error", EventOutcome::Failed),
    };
    (false, outcome, format!("{prefix}: {refusal}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_3_every_outcome_has_its_answer() {
        let told = |outcome| {
            let (accepted, _, reason) = answer_to(outcome);
            (accepted, reason.into_owned())
        };
        let refused = |refusal| told(Some(Outcome::Refused(refusal))).1;
        assert_eq!(told(Some(Outcome::Ephemeral)), (true, String::new()));
        assert_eq!(
            told(Some(Outcome::Duplicate)),
            (true, "duplicate: already have this event".into())
        );
        assert_eq!(
            refused(Refusal::Superseded),
            "duplicate: a newer version is stored"
        );
        assert!(refused(Refusal::Deleted).starts_with("blocked: "));
        assert!(refused(Refusal::Vanished).starts_with("blocked: "));
        assert!(refused(Refusal::Banned).starts_with("blocked: "));
        assert!(refused(Refusal::Expired).starts_with("invalid: "));
        assert!(refused(Refusal::BadSignature).starts_with("invalid: "));
        assert!(refused(Refusal::NeverStored).starts_with("invalid: "));
        assert!(refused(Refusal::Unavailable("disk full".into())).starts_with("error: "));
        assert!(!told(None).0 && told(None).1.starts_with("error: "));
    }
}
