//! One WebSocket connection: one future, one task, no buffer while it sleeps.
//!
//! Each turn of the task reads once, hands whole messages to the session, takes frames from the outbox, drives the session's
//! asynchronous work, and writes all that came of it with one system call. The order within a turn is the order on the wire.

mod clock;
mod close;
mod io;
mod receive;
mod scratch;
mod send;
mod turn;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::WebSocketConfig;
use crate::info::ConnectionInfo;
use crate::metrics::ServeMetrics;
use crate::outbox::Outbox;
use crate::session::{EndReason, Session};
use crate::websocket::close::CloseFrame;
use crate::websocket::deflate::Agreement;
use crate::websocket::message::Decoder;
use clock::Clock;
use close::Closing;
pub use io::SessionIo;
use scratch::Scratch;
use writer::{Compression, Writer};

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
