//! The bounded queue before the writer.
//!
//! Places are permits of a semaphore, which callers wait for without blocking and for a bounded time; what has a place goes
//! through a channel of the standard library, on which the writer's thread can wait for less than a millisecond.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::job::Job;
use crate::{Error, metrics};

/// A transaction with its place.
struct Queued {
    job: Box<dyn Job>,
    _place: OwnedSemaphorePermit,
}

/// The callers' end.
pub struct Queue {
    places: Arc<Semaphore>,
    /// `None` when closed.
    sender: Mutex<Option<Sender<Queued>>>,
    wait: Duration,
}

/// The writer's end.
pub struct Waiting(Receiver<Queued>);

impl Queue {
    /// A queue with so many places, for one of which is waited so long.
    pub fn new(places: usize, wait: Duration) -> (Self, Waiting) {
        let (sender, receiver) = channel();
        let queue = Self {
            places: Arc::new(Semaphore::new(places)),
            sender: Mutex::new(Some(sender)),
            wait,
        };
        (queue, Waiting(receiver))
    }

    /// Puts a transaction at the end, as soon as there is a place.
    pub async fn push(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let place = match timeout(self.wait, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(Error::Closed),
            Err(_) => return Err(Error::Busy("too many transactions wait to be written")),
        };
        let sender = self.sender.lock();
        let sender = sender.as_ref().ok_or(Error::Closed)?;
        let queued = Queued { job, _place: place };
        metrics::queued(1.0);
        sender.send(queued).map_err(|_| {
            metrics::queued(-1.0);
            Error::Closed
        })
    }

    /// Takes no more.
    pub fn close(&self) {
        self.places.close();
        self.sender.lock().take();
    }
}

impl Waiting {
    /// The next one; `None` when the queue is closed and empty.
    pub fn next(&self) -> Option<Box<dyn Job>> {
        self.0.recv().ok().map(out)
    }

    /// The next one that comes within this time.
    pub fn next_within(&self, time: Duration) -> Option<Box<dyn Job>> {
        let queued = match time.is_zero() {
            true => self.0.try_recv().ok(),
            false => self.0.recv_timeout(time).ok(),
        };
        queued.map(out)
    }
}

fn out(queued: Queued) -> Box<dyn Job> {
    metrics::queued(-1.0);
    queued.job
}
