//! The bounded queue of what is to be sent on one connection (R8.1).
//!
//! Any thread pushes, the connection's task drains. An empty outbox holds no buffer, and a push wakes the task only when the
//! task sleeps and could use the frame.

mod frame;
mod queue;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use thiserror::Error;

pub use frame::OutFrame;
use queue::Queue;
pub(crate) use queue::{Parked, Signal, Taken};

use crate::websocket::close::CloseFrame;

/// Bounds of an outbox, and what happens when they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most frames waiting; 0 = no limit.
    pub frames: usize,
    /// Most bytes waiting; 0 = no limit. A single larger frame is taken when nothing else waits.
    pub bytes: usize,
    /// What a push into a full outbox does.
    pub overflow: Overflow,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            frames: 1024,
            bytes: 4 << 20,
            overflow: Overflow::Close,
        }
    }
}

/// What [`Outbox::push`] does when the outbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Drop what waits and close the connection with 1008 and a reason: the client knows that it missed something.
    #[default]
    Close,
    /// Drop the new frame and count it.
    Drop,
}

/// Why a frame was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PushError {
    /// The outbox is full.
    #[error("the client reads too slowly: its queue is full")]
    Full,
    /// The connection is closing or gone.
    #[error("the connection is closed")]
    Closed,
}

/// How full an outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressure {
    /// Frames waiting.
    pub frames: usize,
    /// Bytes waiting.
    pub bytes: usize,
    /// Frames dropped so far under [`Overflow::Drop`].
    pub dropped: u64,
}

/// Handle to a connection's outbound queue; cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub struct Outbox {
    shared: Arc<Mutex<Queue>>,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            shared: Arc::new(Mutex::new(Queue::new(limits))),
        }
    }

    /// Queues a frame. When the outbox is full, the configured [`Overflow`] happens.
    ///
    /// # Errors
    /// [`PushError`]: the frame was not taken.
    pub fn push(&self, frame: OutFrame) -> Result<(), PushError> {
        self.with(|queue| queue.push_live(frame))
    }

    /// Queues several frames under one lock and with at most one wake-up; stops at the first that is refused with
    /// [`Overflow::Close`], drops those that do not fit with [`Overflow::Drop`]. Returns how many were taken.
    pub fn push_many(&self, frames: impl IntoIterator<Item = OutFrame>) -> usize {
        self.with(|queue| {
            let mut taken = 0;
            for frame in frames {
                match queue.push_live(frame) {
                    Ok(()) => taken += 1,
                    Err(PushError::Full) => {}
                    Err(PushError::Closed) => break,
                }
            }
            taken
        })
    }

    /// Queues a frame if it fits; a full outbox stays as it is.
    ///
    /// # Errors
    /// [`PushError`], with nothing changed.
    pub fn try_push(&self, frame: OutFrame) -> Result<(), PushError> {
        self.with(|queue| queue.push(frame))
    }

    /// How full it is.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.shared.lock().pressure()
    }

    /// Waits until the outbox is less than half full or the connection is closed.
    pub async fn writable(&self) {
        poll_fn(|cx| self.poll_writable(cx)).await;
    }

    /// Polling form of [`Outbox::writable`].
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.lock().poll_room(cx)
    }

    /// Drops the waiting events that carry exactly this prefix (by identity): those of a subscription that was closed.
    pub fn discard(&self, prefix: &Arc<[u8]>) {
        let wake = self.shared.lock().discard(prefix);
        wake.into_iter().for_each(std::task::Waker::wake);
    }

    /// Asks the connection to close: what waits is still sent, nothing more is taken. The first close asked for counts.
    pub fn close(&self, frame: CloseFrame) {
        self.with(|queue| queue.signal(Signal::Close(frame)));
    }

    /// Whether the connection is closing or gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }

    /// Whether both are the same outbox.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn drain(&self) {
        self.with(|queue| queue.signal(Signal::Drain));
    }

    pub(crate) fn abort(&self) {
        self.with(|queue| queue.signal(Signal::Abort));
    }

    /// Takes frames worth up to `bytes` (at least one, if any waits) into `into`. Wakers of those who wait for room are
    /// woken.
    pub(crate) fn take(&self, bytes: usize, into: &mut Vec<OutFrame>) -> Taken {
        let (taken, wake) = self.shared.lock().take(bytes, into);
        wake.into_iter().for_each(std::task::Waker::wake);
        taken
    }

    pub(crate) fn take_signal(&self) -> Option<Signal> {
        self.shared.lock().take_signal()
    }

    /// The task is about to sleep. `false`: there is something to do first.
    pub(crate) fn park(&self, cx: &Context<'_>, parked: Parked) -> bool {
        self.shared.lock().park(cx, parked)
    }

    /// The connection is gone: drops everything and wakes who waits.
    pub(crate) fn shut(&self) {
        let wake = self.shared.lock().shut();
        wake.into_iter().for_each(std::task::Waker::wake);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let (result, wake) = {
            let mut queue = self.shared.lock();
            let result = change(&mut queue);
            (result, queue.wake_task())
        };
        if let Some(wake) = wake {
            wake.wake();
        }
        result
    }
}
