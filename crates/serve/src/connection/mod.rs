//! One WebSocket connection: one future, one task, no buffer while it sleeps.
//!
//! Each turn of the task reads once, hands whole messages to the session, takes frames from the outbox, drives the session's
//! asynchronous work, and writes all that came of it with one system call. The order within a turn is the order on the wire.

mod clock;
mod close;
mod io;
mod receive;
mod scratch;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::WebSocketConfig;
use crate::info::ConnectionInfo;
use crate::metrics::{ServeMetrics, Tally};
use crate::outbox::{Outbox, Parked, Signal};
use crate::session::{EndReason, Flow, Session};
use crate::websocket::close::{CloseCode, CloseFrame};
use crate::websocket::deflate::Agreement;
use crate::websocket::message::Decoder;
use clock::{Clock, Due};
use close::Closing;
pub use io::SessionIo;
use receive::Received;
use scratch::Scratch;
use writer::{Compression, Flushed, Writer};

/// Turns in one poll, after which the other tasks of the thread get theirs.
const TURNS: usize = 8;

/// What a connection is made of.
pub struct Parts<S, IO> {
    /// The socket.
    pub io: IO,
    /// Bytes read past the handshake.
    pub leftover: Vec<u8>,
    /// The protocol.
    pub session: S,
    /// The outbound queue; the session's factory got a clone.
    pub outbox: Outbox,
    /// The connection's facts.
    pub info: Arc<ConnectionInfo>,
    /// Settings.
    pub config: Arc<WebSocketConfig>,
    /// What was agreed on for compression.
    pub deflate: Option<Agreement>,
    /// Counters.
    pub metrics: Arc<ServeMetrics>,
}

/// Where a connection is in its life.
#[derive(Debug)]
enum Phase {
    /// Just made: the session has not been called yet.
    Fresh,
    /// Messages flow.
    Open,
    /// No more input; what is outstanding is finished, then this close frame is sent.
    Finishing {
        frame: CloseFrame,
        /// Whether the session's accepted work is waited for, not only the outbox.
        wait: bool,
    },
    /// A close frame is written or waits to be.
    Closing(Closing),
    /// The end.
    Done,
}

/// A connection; a future that ends with it.
pub struct Connection<S: Session, IO> {
    io: IO,
    session: S,
    outbox: Outbox,
    info: Arc<ConnectionInfo>,
    config: Arc<WebSocketConfig>,
    metrics: Arc<ServeMetrics>,
    decoder: Decoder,
    /// Received bytes that are not yet decoded.
    rest: Vec<u8>,
    /// Whether `rest` may hold a whole frame that the session was not ready for.
    held: bool,
    writer: Writer,
    blocked: bool,
    clock: Clock,
    phase: Phase,
}

/// Whether another turn may get further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Again,
    Sleep,
}

// The session is only used through `&mut`, never pinned.
impl<S: Session, IO: Unpin> Unpin for Connection<S, IO> {}

impl<S: Session, IO: AsyncRead + AsyncWrite + Unpin> Connection<S, IO> {
    /// A connection whose handshake is done. Spawn it.
    pub fn new(parts: Parts<S, IO>) -> Self {
        let compression = parts.deflate.map(|agreement| {
            Compression::new(
                agreement,
                parts.config.deflate_level,
                parts.config.deflate_min,
            )
        });
        parts.metrics.opened();
        Self {
            io: parts.io,
            session: parts.session,
            outbox: parts.outbox,
            decoder: Decoder::new(parts.config.max_message, compression.is_some()),
            held: !parts.leftover.is_empty(),
            rest: parts.leftover,
            writer: Writer::new(compression),
            blocked: false,
            clock: Clock::new(&parts.config, parts.info.id),
            phase: Phase::Fresh,
            info: parts.info,
            config: parts.config,
            metrics: parts.metrics,
        }
    }

    fn run(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<()> {
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

    /// Moves frames from the outbox to the writer. `true`: there may be more.
    fn deliver(&mut self, scratch: &mut Scratch) -> bool {
        let room = self.config.write_room.saturating_sub(self.writer.pending());
        if room == 0 {
            return false;
        }
        let mut frames = std::mem::take(&mut scratch.frames);
        let taken = self.outbox.take(room, &mut frames);
        for frame in &frames {
            self.writer.text(&frame.parts(), &mut scratch.deflater);
        }
        if !frames.is_empty() {
            self.metrics.queued(frames.len() + taken.left);
        }
        scratch.tally.sent += frames.len() as u64;
        frames.clear();
        scratch.frames = frames;
        taken.bytes >= room
    }

    /// Calls the session.
    fn call<T>(
        &mut self,
        scratch: &mut Scratch,
        call: impl FnOnce(&mut S, &mut SessionIo<'_>) -> T,
    ) -> T {
        let mut io = SessionIo {
            writer: &mut self.writer,
            deflater: &mut scratch.deflater,
            info: &self.info,
            outbox: &self.outbox,
            room: self.config.write_room,
            sent: &mut scratch.tally.sent,
        };
        call(&mut self.session, &mut io)
    }

    fn follow(&mut self, flow: Flow) {
        if let Flow::Close(frame) = flow {
            self.close(frame);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, tally: &mut Tally) -> Result<(), EndReason> {
        let flushed = self
            .writer
            .flush(&mut self.io, cx, &mut tally.bytes_out)
            .map_err(|_| EndReason::Lost)?;
        match flushed {
            Flushed::All => self.set_blocked(false),
            Flushed::Blocked(progress) => {
                if progress || !self.blocked {
                    self.clock.blocked_now(&self.config);
                }
                self.set_blocked(true);
            }
        }
        Ok(())
    }

    fn set_blocked(&mut self, blocked: bool) {
        if self.blocked != blocked {
            self.blocked = blocked;
            self.metrics.blocked(blocked);
        }
    }

    fn has_room(&self) -> bool {
        self.writer.pending() < self.config.write_room
    }

    /// Input is left in the socket while its answers would pile up.
    fn input_paused(&self) -> bool {
        !self.has_room() || !self.session.ready_for_input()
    }

    fn on_signal(&mut self, signal: Signal, scratch: &mut Scratch) -> Result<(), EndReason> {
        let (frame, wait) = match signal {
            Signal::Abort => return Err(EndReason::Aborted),
            Signal::Close(frame) => (frame, false),
            Signal::Drain => (
                CloseFrame::new(CloseCode::RESTART, "the relay restarts"),
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
            Due::Ping => self
                .writer
                .control(crate::websocket::frame::Opcode::Ping, b""),
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

impl<S: Session, IO: AsyncRead + AsyncWrite + Unpin> Future for Connection<S, IO> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut scratch = Scratch::take();
        this.writer.borrow(&mut scratch);
        let result = this.run(cx, &mut scratch);
        this.writer.give_back(&mut scratch);
        this.metrics.count(&mut scratch.tally);
        scratch.put_back();
        result
    }
}

impl<S: Session, IO> Connection<S, IO> {
    fn end(&mut self, reason: &EndReason) {
        self.phase = Phase::Done;
        self.outbox.shut();
        self.session.on_close(reason);
        self.metrics.closed(reason, self.blocked);
    }
}

impl<S: Session, IO> Drop for Connection<S, IO> {
    fn drop(&mut self) {
        if !matches!(self.phase, Phase::Done) {
            self.end(&EndReason::Aborted);
        }
    }
}
