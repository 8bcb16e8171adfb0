//! The close handshake (RFC 6455, section 7).

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::scratch::Scratch;
use super::turn::Turn;
use super::{Connection, Phase};
use crate::session::{EndReason, Session};
use crate::websocket::close::CloseFrame;

/// Most bytes that are read and dropped while the client's side of the handshake is waited for.
const MAX_DISCARD: usize = 4 << 20;

/// The state of a connection whose close frame is in the writer.
#[derive(Debug)]
pub(super) struct Closing {
    reason: EndReason,
    /// Whether our side of the socket is shut down.
    shut: bool,
    discarded: usize,
}

impl<S: Session, IO: AsyncRead + AsyncWrite + Unpin> Connection<S, IO> {
    /// We close: what is written goes out first, what waits in the outbox does not.
    pub(super) fn close(&mut self, frame: CloseFrame) {
        if matches!(self.phase, Phase::Closing(_) | Phase::Done) {
            return;
        }
        self.writer.close(Some(&frame));
        self.start_closing(EndReason::Server(frame));
    }

    /// The client closes: its code is echoed.
    pub(super) fn close_by_client(&mut self, frame: Option<CloseFrame>) {
        let echo = frame.as_ref().map(|frame| CloseFrame::new(frame.code, ""));
        self.writer.close(echo.as_ref());
        self.start_closing(EndReason::Client(frame));
    }

    fn start_closing(&mut self, reason: EndReason) {
        self.phase = Phase::Closing(Closing {
            reason,
            shut: false,
            discarded: 0,
        });
        self.rest = Vec::new();
        self.held = false;
        self.outbox.shut();
        self.clock.closing(&self.config);
    }

    pub(super) fn close_reason(&self) -> EndReason {
        match &self.phase {
            Phase::Closing(closing) => closing.reason.clone(),
            Phase::Finishing { frame, .. } => EndReason::Server(frame.clone()),
            _ => EndReason::Lost,
        }
    }

    /// Writes the close frame, shuts our side, and reads until the client's end: a socket that is dropped with unread input is
    /// reset, and the client would never see the close frame.
    pub(super) fn turn_closing(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<Turn, EndReason> {
        self.flush(cx, &mut scratch.tally)?;
        let mut input = scratch.take_input();
        let result = self.linger(cx, &mut input);
        scratch.input = input;
        result
    }

    fn linger(&mut self, cx: &mut Context<'_>, input: &mut [u8]) -> Result<Turn, EndReason> {
        let Phase::Closing(closing) = &mut self.phase else {
            return Ok(Turn::Again);
        };
        if !self.blocked && !closing.shut {
            match Pin::new(&mut self.io).poll_shutdown(cx) {
                Poll::Ready(Ok(())) => closing.shut = true,
                Poll::Ready(Err(_)) => return Err(closing.reason.clone()),
                Poll::Pending => {}
            }
        }
        let mut space = ReadBuf::new(input);
        match Pin::new(&mut self.io).poll_read(cx, &mut space) {
            Poll::Pending => Ok(Turn::Sleep),
            Poll::Ready(Ok(())) if !space.filled().is_empty() => {
                closing.discarded += space.filled().len();
                if closing.discarded > MAX_DISCARD {
                    Err(closing.reason.clone())
                } else {
                    Ok(Turn::Again)
                }
            }
            Poll::Ready(_) => Err(closing.reason.clone()),
        }
    }
}
