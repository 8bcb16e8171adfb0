//! A submitted batch on its way through verification to the commit.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use stentor_event::{Event, Timestamp};
use tokio::sync::oneshot;

use crate::{Outcome, Refusal};

/// Events submitted together. They are committed in their order, so the batch goes to the committer as a whole, when
/// the last of its signatures has been verified.
pub struct WriteBatch {
    /// The events.
    pub events: Vec<Event>,
    /// The time given by the submitter.
    pub now: Timestamp,
    /// What is known already: what was refused before verification, and wrong signatures.
    decided: Mutex<Vec<Option<Outcome>>>,
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
        decided: Vec<Option<Outcome>>,
        to_verify: Vec<u32>,
        chunk: usize,
    ) -> (Self, oneshot::Receiver<Vec<Outcome>>) {
        let (sender, receiver) = oneshot::channel();
        let chunks = to_verify.len().div_ceil(chunk.max(1));
        let batch = Self {
            events,
            now,
            decided: Mutex::new(decided),
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
            if wrong && let Some(slot) = self.decided.lock().get_mut(*place as usize) {
                *slot = Some(Outcome::Refused(Refusal::BadSignature));
            }
        }
        self.open_chunks.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// What is known of the outcomes.
    pub fn take_decided(&self) -> Vec<Option<Outcome>> {
        std::mem::take(&mut *self.decided.lock())
    }

    /// Tells the submitter.
    pub fn answer(&self, outcomes: Vec<Outcome>) {
        if let Some(reply) = self.reply.lock().take() {
            // A submitter that has gone away does not want to know.
            let _ = reply.send(outcomes);
        }
    }
}
