//! The connection of a stream after HTTP: one future, one task, no buffer while it is silent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::feed::{Ending, Feed};
use crate::drain::Stage;
use crate::metrics::ServeMetrics;

/// Most bytes that a client may send beyond its request; nobody has a reason to send any.
const MAX_DISCARD: usize = 64 << 10;

/// How the end of the body is told (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// In chunks.
    Chunked,
    /// By the end of the connection, to clients of HTTP/1.0.
    UntilClose,
}

impl Framing {
    /// What the head of an answer promises when the body's length is not known.
    pub(crate) fn promised(version: Version) -> Self {
        if version == Version::HTTP_11 {
            Self::Chunked
        } else {
            Self::UntilClose
        }
    }
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The client is gone.
    Client,
    /// There is no more.
    Source,
    /// The server drains, and the client has the hint.
    Drain,
    /// The client took no byte for as long as the write timeout.
    Stalled,
    /// The deadline of a drain passed.
    Aborted,
}

/// A stream whose head is written; a future that ends with it. `IO` fails with [`io::ErrorKind::TimedOut`] when the client takes nothing
/// for too long.
pub(crate) struct Streaming<IO> {
    io: IO,
    feed: Feed,
    framing: Framing,
    /// Encoded bytes, and how many of them are written. Empty while nothing is to be written.
    out: Vec<u8>,
    written: usize,
    /// Whether the end is in `out`.
    complete: bool,
    discarded: usize,
    metrics: Arc<ServeMetrics>,
    ended: Option<StreamEnd>,
}

// The feed and the socket are only used through `&mut`, never pinned here.
impl<IO: Unpin> Unpin for Streaming<IO> {}

impl<IO> Streaming<IO> {
    pub(crate) fn new(io: IO, feed: Feed, framing: Framing, metrics: Arc<ServeMetrics>) -> Self {
        metrics.stream_opened();
        Self {
            io,
            feed,
            framing,
            out: Vec::new(),
            written: 0,
            complete: false,
            discarded: 0,
            metrics,
            ended: None,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.metrics.stream_bytes(bytes.len());
        if self.framing == Framing::UntilClose {
            self.out.extend_from_slice(bytes);
            return;
        }
        let size = format!("{:x}\r\n", bytes.len());
        self.out.reserve_exact(size.len() + bytes.len() + 2);
        self.out.extend_from_slice(size.as_bytes());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    fn put_end(&mut self) {
        self.complete = true;
        if self.framing == Framing::Chunked {
            self.out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Streaming<IO> {
    fn run(&mut self, cx: &mut Context<'_>) -> Poll<StreamEnd> {
        if self.feed.poll_stage(cx) == Stage::Aborting {
            return Poll::Ready(StreamEnd::Aborted);
        }
        if self.poll_gone(cx).is_ready() {
            return Poll::Ready(StreamEnd::Client);
        }
        loop {
            let sent = ready!(self.poll_send(cx));
            if let Err(error) = sent {
                return Poll::Ready(match error.kind() {
                    io::ErrorKind::TimedOut => StreamEnd::Stalled,
                    _ => StreamEnd::Client,
                });
            }
            if self.complete {
                return Poll::Ready(match self.feed.ending() {
                    Some(Ending::Drain) => StreamEnd::Drain,
                    Some(Ending::Source) | None => StreamEnd::Source,
                });
            }
            match ready!(self.feed.poll_next(cx)) {
                Some(events) => self.put(events.as_bytes()),
                None => self.put_end(),
            }
        }
    }

    /// Ready when the client has ended its half, as who closes a browser's tab does. What it sends is dropped.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 512];
        while self.discarded <= MAX_DISCARD {
            let mut input = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut input)) {
                Ok(()) if !input.filled().is_empty() => self.discarded += input.filled().len(),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    /// Writes all that is encoded, and then the end of our half if that was all.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.written += count,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.out = Vec::new();
        self.written = 0;
        if self.complete {
            Pin::new(&mut self.io).poll_shutdown(cx)
        } else {
            // TLS takes bytes before the socket does.
            Pin::new(&mut self.io).poll_flush(cx)
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Future for Streaming<IO> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.ended = Some(ready!(this.run(cx)));
        Poll::Ready(())
    }
}

impl<IO> Drop for Streaming<IO> {
    fn drop(&mut self) {
        self.metrics
            .stream_closed(self.ended.unwrap_or(StreamEnd::Aborted));
    }
}
