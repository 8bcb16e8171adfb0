//! The turns of a connection's task: what it does next in each phase of its life.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::clock::Due;
use super::receive::Received;
use super::scratch::Scratch;
use super::{Connection, Phase};
use crate::outbox::{Parked, Signal};
use crate::session::{EndReason, Session};
use crate::websocket::close::{CloseCode, CloseFrame};
use crate::websocket::frame::Opcode;

/// Turns in one poll, after which the other tasks of the thread get theirs.
const TURNS: usize = 8;

/// Whether another turn may get further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Again,
    Sleep,
}

impl<S: Session, IO: AsyncRead + AsyncWrite + Unpin> Connection<S, IO> {
    pub(super) fn run(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<()> {
        for _ in 0..TURNS {
            let turn = match self.turn(cx, scratch) {
                Ok(turn) => turn,
                Err(reason) => {
                    self.end(&reason);
                    return Poll::Ready(());
                }
            };
            if turn == Turn::Sleep && self.park(cx) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Result<Turn, EndReason> {
        if let Some(signal) = self.outbox.take_signal() {
            self.on_signal(signal, scratch)?;
        }
        if let Some(due) = self
            .clock
            .poll(cx, self.blocked, self.input_paused(), &self.config)
        {
            self.on_due(due)?;
        }
        match self.phase {
            Phase::Fresh => {
                self.phase = Phase::Open;
                let flow = self.call(scratch, |session, io| session.on_open(io));
                self.follow(flow);
                Ok(Turn::Again)
            }
            Phase::Open => self.turn_open(cx, scratch),
            Phase::Finishing { .. } => self.turn_finishing(cx, scratch),
            Phase::Closing(_) => self.turn_closing(cx, scratch),
            Phase::Done => Ok(Turn::Sleep),
        }
    }

    fn turn_open(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<Turn, EndReason> {
        let received = self.receive(cx, scratch)?;
        if !matches!(self.phase, Phase::Open) {
            return Ok(Turn::Again);
        }
        let mut again = received == Received::Some;
        again |= self.deliver(scratch);
        let flow = self.call(scratch, |session, io| session.poll_work(cx, io));
        self.follow(flow);
        // A session that ran out of room is called again once there is some.
        let was_full = !self.has_room();
        self.flush(cx, &mut scratch.tally)?;
        again |= received == Received::Paused && !self.input_paused();
        again |= was_full && self.has_room();
        again |= !matches!(self.phase, Phase::Open);
        Ok(if again { Turn::Again } else { Turn::Sleep })
    }

    fn turn_finishing(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<Turn, EndReason> {
        let delivered = self.deliver(scratch);
        let flow = self.call(scratch, |session, io| session.poll_work(cx, io));
        self.follow(flow);
        // A session that ran out of room is called again once there is some.
        let was_full = !self.has_room();
        self.flush(cx, &mut scratch.tally)?;
        let Phase::Finishing { frame, wait } = &self.phase else {
            return Ok(Turn::Again);
        };
        let queued = self.outbox.pressure().frames > 0;
        if !queued && (!wait || self.session.is_idle()) {
            let frame = frame.clone();
            self.close(frame);
            return Ok(Turn::Again);
        }
        Ok(if delivered || (was_full && self.has_room()) {
            Turn::Again
        } else {
            Turn::Sleep
        })
    }

    fn on_signal(&mut self, signal: Signal, scratch: &mut Scratch) -> Result<(), EndReason> {
        let (frame, wait) = match signal {
            Signal::Abort => return Err(EndReason::Aborted),
            Signal::Close(frame) => (frame, false),
            Signal::Drain => (
                CloseFrame::new(CloseCode::RESTART, "the server restarts"),
                true,
            ),
        };
        match &self.phase {
            Phase::Fresh | Phase::Open | Phase::Finishing { wait: true, .. } => {
                self.phase = Phase::Finishing { frame, wait };
                if wait {
                    self.call(scratch, |session, io| session.on_drain(io));
                } else {
                    self.clock.closing(&self.config);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn on_due(&mut self, due: Due) -> Result<(), EndReason> {
        match due {
            Due::Ping => self.writer.control(Opcode::Ping, b""),
            Due::NoPong => self.close(CloseFrame::new(CloseCode::INTERNAL, "no answer to a ping")),
            Due::Stalled => return Err(EndReason::Stalled),
            Due::CloseTimeout => return Err(self.close_reason()),
        }
        Ok(())
    }

    /// About to sleep. `false`: there is something to do first.
    fn park(&mut self, cx: &mut Context<'_>) -> bool {
        let wants = match self.phase {
            Phase::Open | Phase::Finishing { .. } if self.has_room() => Parked::Frames,
            _ => Parked::Signals,
        };
        self.outbox.park(cx, wants)
    }
}
