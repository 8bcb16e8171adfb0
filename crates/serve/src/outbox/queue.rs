//! The state behind an outbox: a plain state machine under the outbox's lock.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use metrics::{Counter, counter};

use super::{OutFrame, OutboxLimits, Overflow, Pressure, PushError};
use crate::websocket::close::{CloseCode, CloseFrame};

/// Frames of room that an emptied queue keeps; more is given back to the allocator.
const KEEP: usize = 8;

/// Frames dropped, and connections closed, because an outbox was full. The handles are looked up at the first overflow, long after
/// the recorder is installed.
static DROPPED: LazyLock<Counter> = LazyLock::new(|| counter!("stentor_outbox_dropped_total"));
static OVERFLOWED: LazyLock<Counter> = LazyLock::new(|| counter!("stentor_outbox_overflows_total"));

/// A message to the connection's task itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Send what waits, then close.
    Close(CloseFrame),
    /// The server shuts down: finish, then close with 1012.
    Drain,
    /// End now.
    Abort,
}

impl Signal {
    const fn rank(&self) -> u8 {
        match self {
            Self::Drain => 0,
            Self::Close(_) => 1,
            Self::Abort => 2,
        }
    }
}

/// What was taken from an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes of the frames.
    pub(crate) bytes: usize,
    /// Frames that still wait.
    pub(crate) left: usize,
}

/// Whether the task sleeps, and what it wants to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// It runs, or it was already woken.
    No,
    /// Frames and signals.
    Frames,
    /// Signals only: the socket takes no more bytes for now.
    Signals,
}

#[derive(Debug)]
pub(super) struct Queue {
    frames: VecDeque<OutFrame>,
    bytes: usize,
    limits: OutboxLimits,
    dropped: u64,
    closed: bool,
    parked: Parked,
    waker: Option<Waker>,
    signal: Option<Box<Signal>>,
    waiting: Vec<Waker>,
}

impl Queue {
    pub(super) const fn new(limits: OutboxLimits) -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            limits,
            dropped: 0,
            closed: false,
            parked: Parked::No,
            waker: None,
            signal: None,
            waiting: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, frame: OutFrame) -> Result<(), PushError> {
        if self.closed {
            return Err(PushError::Closed);
        }
        let len = frame.len();
        if !self.fits(len) {
            return Err(PushError::Full);
        }
        self.bytes += len;
        self.frames.push_back(frame);
        Ok(())
    }

    pub(super) fn push_live(&mut self, frame: OutFrame) -> Result<(), PushError> {
        let result = self.push(frame);
        if result == Err(PushError::Full) {
            match self.limits.overflow {
                Overflow::Drop => {
                    self.dropped += 1;
                    DROPPED.increment(1);
                }
                Overflow::Close => {
                    self.overflow();
                    return Err(PushError::Closed);
                }
            }
        }
        result
    }

    fn fits(&self, len: usize) -> bool {
        let frames = self.limits.frames == 0 || self.frames.len() < self.limits.frames;
        let bytes = self.limits.bytes == 0
            || self.frames.is_empty()
            || self.bytes + len <= self.limits.bytes;
        frames && bytes
    }

    fn overflow(&mut self) {
        OVERFLOWED.increment(1);
        let reason = format!("too slow: {} messages were waiting", self.frames.len());
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.signal(Signal::Close(CloseFrame::new(CloseCode::POLICY, reason)));
    }

    /// Leaves a message for the task. A stronger one replaces a weaker one, and all but `Drain` stop further pushes.
    pub(super) fn signal(&mut self, signal: Signal) {
        let ends = signal != Signal::Drain;
        if self.closed && ends && signal != Signal::Abort {
            return;
        }
        self.closed |= ends;
        if self
            .signal
            .as_ref()
            .is_none_or(|old| old.rank() < signal.rank())
        {
            self.signal = Some(Box::new(signal));
        }
    }

    pub(super) fn take_signal(&mut self) -> Option<Signal> {
        self.signal.take().map(|signal| *signal)
    }

    pub(super) fn pressure(&self) -> Pressure {
        Pressure {
            frames: self.frames.len(),
            bytes: self.bytes,
            dropped: self.dropped,
        }
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn take(&mut self, bytes: usize, into: &mut Vec<OutFrame>) -> (Taken, Vec<Waker>) {
        let mut taken = 0;
        while taken < bytes
            && let Some(frame) = self.frames.pop_front()
        {
            taken += frame.len();
            into.push(frame);
        }
        self.bytes = self.bytes.saturating_sub(taken);
        let taken = Taken {
            bytes: taken,
            left: self.frames.len(),
        };
        (taken, self.after_removal())
    }

    pub(super) fn discard(&mut self, prefix: &Arc<[u8]>) -> Vec<Waker> {
        let bytes = &mut self.bytes;
        self.frames.retain(|frame| match frame {
            OutFrame::Event { prefix: own, .. } if Arc::ptr_eq(own, prefix) => {
                *bytes = bytes.saturating_sub(frame.len());
                false
            }
            _ => true,
        });
        self.after_removal()
    }

    fn after_removal(&mut self) -> Vec<Waker> {
        if self.frames.is_empty() && self.frames.capacity() > KEEP {
            self.frames = VecDeque::new();
        }
        if !self.waiting.is_empty() && self.has_room() {
            std::mem::take(&mut self.waiting)
        } else {
            Vec::new()
        }
    }

    fn has_room(&self) -> bool {
        let frames = self.limits.frames == 0 || self.frames.len() <= self.limits.frames / 2;
        let bytes = self.limits.bytes == 0 || self.bytes <= self.limits.bytes / 2;
        self.closed || (frames && bytes)
    }

    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn park(&mut self, cx: &Context<'_>, parked: Parked) -> bool {
        if self.signal.is_some() || (parked == Parked::Frames && !self.frames.is_empty()) {
            return false;
        }
        self.parked = parked;
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        true
    }

    /// The waker to wake once the lock is released, if the task sleeps and now has something to do.
    pub(super) fn wake_task(&mut self) -> Option<Waker> {
        let wake = match self.parked {
            Parked::No => false,
            Parked::Frames => self.signal.is_some() || !self.frames.is_empty(),
            Parked::Signals => self.signal.is_some(),
        };
        if !wake {
            return None;
        }
        self.parked = Parked::No;
        self.waker.take()
    }

    pub(super) fn shut(&mut self) -> Vec<Waker> {
        self.closed = true;
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.signal = None;
        self.waker = None;
        self.parked = Parked::No;
        std::mem::take(&mut self.waiting)
    }
}
