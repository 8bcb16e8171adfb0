//! A stream whose client has to take what is sent to it.
//!
//! hyper waits for a client to read for as long as it likes. Such a client keeps its place under the caps and holds up a
//! drain, at no cost to itself.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::handover::Handover;

/// Fails with [`io::ErrorKind::TimedOut`] when the client takes no byte for too long.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    /// 0 = for ever.
    limit: Duration,
    /// Runs while the client takes nothing; most clients never have it made.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Told when all that was written is with the kernel.
    handover: Option<Arc<Handover>>,
}

impl<S> Patient<S> {
    /// `limit`: how long the client may take no byte; 0 = for ever.
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stalled: None,
            handover: None,
        }
    }

    /// The same, telling when all that was written is with the kernel.
    pub(super) fn telling(mut self, handover: &Arc<Handover>) -> Self {
        self.handover = Some(Arc::clone(handover));
        self
    }

    /// The stream by itself, to be waited for by somebody else.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The same, telling nobody any more.
    pub(super) fn silent(mut self) -> Self {
        self.handover = None;
        self
    }

    /// What became of an attempt to send, given how long there has been no progress.
    fn judge<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        if self.limit.is_zero() {
            return Poll::Pending;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.judge(cx, sent)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.judge(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_flush(cx);
        if let (Some(handover), Poll::Ready(Ok(()))) = (&this.handover, &sent) {
            handover.flushed();
        }
        this.judge(cx, sent)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.judge(cx, sent)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, advance};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn r4_5_who_takes_nothing_is_given_up_and_who_takes_a_little_is_not() {
        let (mut slow, here) = duplex(4);
        let mut stream = Patient::new(here, LIMIT);
        let reading = tokio::spawn(async move {
            for _ in 0..3 {
                advance(LIMIT - Duration::from_secs(1)).await;
                let _ = slow.read_exact(&mut [0; 4]).await.unwrap();
            }
            slow
        });
        stream.write_all(&[7; 16]).await.unwrap();
        let _silent = reading.await.unwrap();
        let begun = Instant::now();
        let error = stream.write_all(&[7; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 60);
    }
}
