//! What a connection becomes after HTTP: a WebSocket, or a stream of events. Each runs in a small task of its own that has nothing
//! of HTTP any more, as the buffers and the state of an HTTP connection are most of the memory of one that is silent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use parking_lot::Mutex;
use stentor_trace::InConnection;

use super::patience::Patient;
use crate::drain::Tracked;
use crate::limits::Places;
use crate::stream::Stream;

/// Starts what comes next on a connection, with what was read past the request. Called in the runtime, must not block.
pub(super) type Next = Box<dyn FnOnce(Patient<Stream>, Vec<u8>) + Send>;

/// When a connection leaves HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// When the answer, 101, has ended HTTP on it.
    Switched,
    /// When the head of the answer is with the kernel; the body is written by what comes next.
    HeadSent,
}

/// What a connection becomes, agreed on between the handler of a request, the answer's body and the socket.
#[derive(Default)]
pub(super) struct Handover {
    agreed: Mutex<Option<Agreed>>,
}

struct Agreed {
    point: Point,
    next: Next,
    head: Head,
}

/// How far the head of the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Ahead,
    /// It is in the buffer: the body was asked for.
    Written,
    /// All that was in the buffer is with the kernel.
    Sent,
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").finish_non_exhaustive()
    }
}

impl Handover {
    /// Agrees on what comes next.
    pub(super) fn agree(&self, point: Point, next: Next) {
        *self.agreed.lock() = Some(Agreed {
            point,
            next,
            head: Head::Ahead,
        });
    }

    /// The answer turned out to be another one.
    pub(super) fn cancel(&self) {
        let agreed = self.agreed.lock().take();
        // What it holds may have something to do when it goes.
        drop(agreed);
    }

    /// Whether the connection is to be taken from HTTP now, though HTTP has not ended on it.
    pub(super) fn is_due(&self) -> bool {
        let agreed = self.agreed.lock();
        agreed
            .as_ref()
            .is_some_and(|agreed| agreed.point == Point::HeadSent && agreed.head == Head::Sent)
    }

    /// What comes next, if it begins at this point.
    pub(super) fn take(&self, point: Point) -> Option<Next> {
        let mut agreed = self.agreed.lock();
        let taken = agreed.take_if(|agreed| agreed.point == point);
        taken.map(|agreed| agreed.next)
    }

    /// The body is asked for, hence the head is written before it.
    fn asked_for_body(&self) {
        if let Some(agreed) = &mut *self.agreed.lock()
            && agreed.head == Head::Ahead
        {
            agreed.head = Head::Written;
        }
    }

    /// All that was written is with the kernel.
    pub(super) fn flushed(&self) {
        if let Some(agreed) = &mut *self.agreed.lock()
            && agreed.head == Head::Written
        {
            agreed.head = Head::Sent;
        }
    }
}

/// Stands for a body that what comes next writes.
pub(super) struct Elsewhere {
    pub(super) handover: Arc<Handover>,
}

impl Body for Elsewhere {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.handover.asked_for_body();
        // The connection is taken before there would be anybody to wake.
        Poll::Pending
    }
}

/// What a connection has become, with its place under the caps and in the drain. Dropped in this order.
pub(super) struct Held<C> {
    connection: C,
    _tracked: Tracked,
    _places: Places,
}

impl<C: Future<Output = ()> + Send + Unpin + 'static> Held<C> {
    /// Starts it in a task of its own, as that of the connection of this number.
    pub(super) fn start(id: u64, connection: C, tracked: Tracked, places: Places) {
        let held = Self {
            connection,
            _tracked: tracked,
            _places: places,
        };
        tokio::spawn(InConnection::new(id, held));
    }
}

impl<C: Future<Output = ()> + Unpin> Future for Held<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.connection).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(point: Point) -> Handover {
        let handover = Handover::default();
        handover.agree(point, Box::new(|_, _| {}));
        handover
    }

    #[test]
    fn a_stream_is_due_when_its_head_is_out_and_not_at_an_earlier_flush() {
        let handover = agreed(Point::HeadSent);
        handover.flushed();
        assert!(!handover.is_due(), "that was an earlier answer");
        handover.asked_for_body();
        assert!(!handover.is_due(), "the head is in the buffer");
        handover.flushed();
        assert!(handover.is_due());
        assert!(handover.take(Point::Switched).is_none());
        assert!(handover.take(Point::HeadSent).is_some());
        assert!(!handover.is_due());
    }

    #[test]
    fn an_upgrade_waits_for_the_end_of_http() {
        let handover = agreed(Point::Switched);
        handover.asked_for_body();
        handover.flushed();
        assert!(!handover.is_due());
        handover.cancel();
        assert!(handover.take(Point::Switched).is_none());
    }
}
