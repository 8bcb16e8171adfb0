//! A submitted batch on its way through verification to the commit.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use stentor_event::{Event, Timestamp};
use tokio::sync::oneshot;

use super::first_look::FirstLook;
use crate::Outcome;

/// What is known of an event's signature before the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is right, or was said to be.
    Right,
    /// It is wrong.
    Wrong,
    /// A first look found a cheaper reason to refuse the event, so it was not verified. What comes before it in the
    /// batch, or was submitted earlier, may do away with that reason.
    Unknown,
}

/// Events submitted together. They are committed in their order, so the batch goes to the committer as a whole, when
/// the last of its signatures has been verified.
pub struct WriteBatch {
    /// The events.
    pub events: Vec<Event>,
    /// The time given by the submitter.
    pub now: Timestamp,
    looks: Mutex<Vec<FirstLook>>,
    /// Places of the events to verify.
    pub to_verify: Vec<u32>,
    /// Chunks that are not verified yet.
    open_chunks: AtomicUsize,
    reply: Mutex<Option<oneshot::Sender<Vec<Outcome>>>>,
}

impl WriteBatch {
    /// A batch, and where its outcomes will arrive.
    pub fn new(
        events: Vec<Event>,
        now: Timestamp,
        looks: Vec<FirstLook>,
        to_verify: Vec<u32>,
        chunk: usize,
    ) -> (Self, oneshot::Receiver<Vec<Outcome>>) {
        let (sender, receiver) = oneshot::channel();
        let chunks = to_verify.len().div_ceil(chunk.max(1));
        let batch = Self {
            events,
            now,
            looks: Mutex::new(looks),
            to_verify,
            open_chunks: AtomicUsize::new(chunks),
            reply: Mutex::new(Some(sender)),
        };
        (batch, receiver)
    }

    /// Verifies the signatures of a chunk; returns whether it was the last one.
    pub fn verify(&self, chunk: &[u32]) -> bool {
        for place in chunk {
            let wrong = self
                .events
                .get(*place as usize)
                .is_some_and(|event| event.verify_signature().is_err());
            if wrong && let Some(look) = self.looks.lock().get_mut(*place as usize) {
                look.verdict = Verdict::Wrong;
            }
        }
        self.open_chunks.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// What is known of the events.
    pub fn take_looks(&self) -> Vec<FirstLook> {
        std::mem::take(&mut *self.looks.lock())
    }

    /// Tells the submitter.
    pub fn answer(&self, outcomes: Vec<Outcome>) {
        if let Some(reply) = self.reply.lock().take() {
            // A submitter that has gone away does not want to know.
            let _ = reply.send(outcomes);
        }
    }
}
