//! Shutting down without dropping what was accepted (R8.3).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::outbox::Outbox;

/// How long aborted tasks get to end.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// How far a shutdown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Serving.
    Running,
    /// No new connections; open ones finish and close.
    Draining,
    /// The deadline has passed: whatever is left ends now.
    Aborting,
}

/// What a drain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainReport {
    /// WebSocket connections and streams of events open when it began.
    pub open: usize,
    /// Those of them that were cut at the deadline.
    pub aborted: usize,
}

/// The shutdown of a group of listeners and their connections. Cloning shares it.
#[derive(Clone)]
pub struct Drain {
    shared: Arc<Shared>,
}

struct Shared {
    stage: watch::Sender<Stage>,
    /// Tasks that the drain waits for.
    tracked: watch::Sender<usize>,
    /// The open WebSocket connections.
    outboxes: Mutex<HashMap<u64, Outbox>>,
    /// The number of open streams of events.
    streams: AtomicUsize,
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drain {
    /// Not draining.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            stage: watch::Sender::new(Stage::Running),
            tracked: watch::Sender::new(0),
            outboxes: Mutex::new(HashMap::new()),
            streams: AtomicUsize::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        *self.shared.stage.borrow()
    }

    /// Whether new work is to be refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.stage() >= Stage::Draining
    }

    /// Waits until this stage is reached.
    pub async fn reached(&self, stage: Stage) {
        let mut stages = self.shared.stage.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = stages.wait_for(|now| *now >= stage).await;
    }

    /// For those who are to learn of it and have no part in it.
    #[must_use]
    pub fn signal(&self) -> DrainSignal {
        DrainSignal {
            drain: self.clone(),
        }
    }

    /// Starts draining and waits until all has ended, at most for `deadline`; what is left then is cut.
    pub async fn run(&self, deadline: Duration) -> DrainReport {
        let deadline = Instant::now() + deadline;
        let open = self.start();
        if timeout_at(deadline, self.ended()).await.is_ok() {
            return DrainReport { open, aborted: 0 };
        }
        let aborted = self.abort();
        let _ = timeout_at(Instant::now() + ABORT_GRACE, self.ended()).await;
        DrainReport { open, aborted }
    }

    /// Starts draining: returns the number of open WebSocket connections and streams of events.
    pub fn start(&self) -> usize {
        let streams = self.streams();
        self.shared.stage.send_if_modified(|stage| {
            let change = *stage == Stage::Running;
            if change {
                *stage = Stage::Draining;
            }
            change
        });
        streams + self.each(Outbox::drain)
    }

    fn abort(&self) -> usize {
        let streams = self.streams();
        self.shared.stage.send_replace(Stage::Aborting);
        streams + self.each(Outbox::abort)
    }

    fn streams(&self) -> usize {
        self.shared.streams.load(Ordering::Relaxed)
    }

    /// Waits until no tracked task is left.
    async fn ended(&self) {
        let mut tracked = self.shared.tracked.subscribe();
        let _ = tracked.wait_for(|count| *count == 0).await;
    }

    fn each(&self, call: impl Fn(&Outbox)) -> usize {
        let outboxes: Vec<Outbox> = self.shared.outboxes.lock().values().cloned().collect();
        outboxes.iter().for_each(call);
        outboxes.len()
    }

    /// Makes the drain wait for a task, until the guard is dropped.
    #[must_use]
    pub fn track(&self) -> Tracked {
        self.shared.tracked.send_modify(|count| *count += 1);
        Tracked {
            drain: self.clone(),
            what: What::Task,
        }
    }

    /// Makes the drain wait for a stream of events, which learns of it by itself.
    #[must_use]
    pub(crate) fn track_stream(&self) -> Tracked {
        let mut tracked = self.track();
        self.shared.streams.fetch_add(1, Ordering::Relaxed);
        tracked.what = What::Stream;
        tracked
    }

    /// Makes the drain wait for a connection and tell it.
    #[must_use]
    pub fn track_connection(&self, id: u64, outbox: &Outbox) -> Tracked {
        let mut tracked = self.track();
        self.shared.outboxes.lock().insert(id, outbox.clone());
        tracked.what = What::Connection(id);
        // Whoever comes after the signals were given out gets its own.
        match self.stage() {
            Stage::Running => {}
            Stage::Draining => outbox.drain(),
            Stage::Aborting => outbox.abort(),
        }
        tracked
    }
}

/// Tells how far a drain is. It is not waited for, and cannot start one. An extension of every request that reaches the router.
#[derive(Clone)]
pub struct DrainSignal {
    drain: Drain,
}

impl DrainSignal {
    /// Where it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.drain.stage()
    }

    /// Whether new work is to be refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_draining()
    }

    /// Waits until this stage is reached.
    pub async fn reached(&self, stage: Stage) {
        self.drain.reached(stage).await;
    }
}

/// A task that a drain waits for.
pub struct Tracked {
    drain: Drain,
    what: What,
}

/// What is waited for.
enum What {
    Task,
    Stream,
    /// A WebSocket connection, by its number.
    Connection(u64),
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let shared = &self.drain.shared;
        match self.what {
            What::Task => {}
            What::Stream => {
                shared.streams.fetch_sub(1, Ordering::Relaxed);
            }
            What::Connection(id) => {
                let mut outboxes = shared.outboxes.lock();
                outboxes.remove(&id);
                if outboxes.len() < outboxes.capacity() / 8 {
                    outboxes.shrink_to_fit();
                }
            }
        }
        shared.tracked.send_modify(|count| *count -= 1);
    }
}
