//! Events that go into the store: those of one read together.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use stentor_event::{Event, EventId, Kind};
use stentor_store::{EventStore, Outcome, StoreError, Submission};
use stentor_trace::Trace;

use crate::state::now;

/// The events of one connection that the store has, or is about to have.
#[derive(Default)]
pub(super) struct Batches {
    /// Those of the current read, and what is needed to answer them.
    next: Vec<Submission>,
    receipts: Vec<Receipt>,
    next_bytes: usize,
    batches: VecDeque<Batch>,
    count: usize,
    bytes: usize,
}

/// An event that is to be answered.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) id: EventId,
    pub(crate) kind: Kind,
    /// Why somebody should look at it, when it is stored.
    pub(crate) reviews: Vec<Cow<'static, str>>,
    pub(crate) trace: Trace,
}

/// Events submitted together.
pub(super) struct Batch {
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
    /// Set when it was done before those submitted earlier.
    done: Option<Answer>,
    pub(super) receipts: Vec<Receipt>,
    pub(super) bytes: usize,
    pub(super) submitted: Instant,
}

/// What the store says.
pub(super) type Answer = Result<Vec<Outcome>, StoreError>;

impl Batches {
    /// How many events there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Their size in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event to the next batch.
    pub(super) fn add(
        &mut self,
        event: Event,
        verified: bool,
        reviews: Vec<Cow<'static, str>>,
        trace: Trace,
    ) {
        let bytes = event.json().len();
        self.receipts.push(Receipt {
            id: event.id(),
            kind: event.kind(),
            reviews,
            trace,
        });
        self.next.push(Submission { event, verified });
        self.count += 1;
        self.next_bytes += bytes;
        self.bytes += bytes;
    }

    /// Submits what has come since the last call.
    pub(super) fn submit(&mut self, store: &Arc<dyn EventStore>, cx: &mut Context<'_>) {
        if self.next.is_empty() {
            return;
        }
        for receipt in &mut self.receipts {
            receipt.trace.enter("store");
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
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> Option<(Batch, Answer)> {
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

/// The future of one batch.
async fn submit(store: Arc<dyn EventStore>, batch: Vec<Submission>) -> Answer {
    store.submit(batch, now()).await
}
