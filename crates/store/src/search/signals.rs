//! What the thread that keeps the index is asked for.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Least time between two commits that searches ask for: each makes a file and syncs it.
const SPACING: Duration = Duration::from_millis(100);

/// Wishes to the thread that keeps the index.
#[derive(Debug, Default)]
pub(super) struct Signals {
    wishes: Mutex<Wishes>,
    changed: Condvar,
}

/// What is wished for.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Wishes {
    /// The thread is to end.
    pub(super) stop: bool,
    /// The index is to be made anew, this many times since the start.
    pub(super) rebuilds: u64,
    /// A search waits for what is new.
    hurry: bool,
}

impl Signals {
    /// What is wished for now.
    pub(super) fn wishes(&self) -> Wishes {
        *self.wishes.lock()
    }

    /// A search waits.
    pub(super) fn hurry(&self) {
        self.wish(|wishes| wishes.hurry = true);
    }

    /// The thread is to end, and none is to begin.
    pub(super) fn stop(&self) {
        self.wish(|wishes| wishes.stop = true);
    }

    /// The index is to be made anew. Returns how often it will have been then.
    pub(super) fn rebuild(&self) -> u64 {
        let mut wishes = self.wishes.lock();
        wishes.rebuilds += 1;
        self.changed.notify_all();
        wishes.rebuilds
    }

    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        change(&mut self.wishes.lock());
        self.changed.notify_all();
    }

    /// Waits until there is a reason to go on: a wish, or `every` has passed since `before`. A search's haste is heard
    /// only after a moment, so that one commit serves many.
    pub(super) fn wait(&self, before: Instant, every: Duration, generation: u64) {
        let mut wishes = self.wishes.lock();
        loop {
            let earliest = before
                + if wishes.hurry {
                    SPACING.min(every)
                } else {
                    every
                };
            if wishes.stop || wishes.rebuilds > generation || Instant::now() >= earliest {
                wishes.hurry = false;
                return;
            }
            self.changed.wait_until(&mut wishes, earliest);
        }
    }
}
