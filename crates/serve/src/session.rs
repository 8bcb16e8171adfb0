//! What a protocol on top of a WebSocket connection implements.

use std::sync::Arc;
use std::task::Context;

use crate::connection::SessionIo;
use crate::info::ConnectionInfo;
use crate::outbox::Outbox;
use crate::problem::Refusal;
use crate::websocket::close::{CloseCode, CloseFrame};

/// What follows a call into the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Send what was written so far, then close with this code and reason.
    Close(CloseFrame),
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The client sent a close frame (`None`: without a code).
    Client(Option<CloseFrame>),
    /// We sent a close frame first.
    Server(CloseFrame),
    /// The socket ended or failed without a close frame.
    Lost,
    /// It took no bytes for as long as the write timeout.
    Stalled,
    /// The deadline of a drain passed.
    Aborted,
}

/// One client's protocol state. All methods run in the connection's task, on a thread of the runtime, and must not block.
///
/// The task calls [`Session::poll_work`] after every batch of messages, and whenever a waker that was registered in it fires;
/// asynchronous work (submissions, scans) lives in the session, typically in a `FuturesUnordered` that is polled there.
pub trait Session: Send + 'static {
    /// The connection is open. What is written here is the first thing the client sees.
    fn on_open(&mut self, io: &mut SessionIo<'_>) -> Flow {
        let _ = io;
        Flow::Continue
    }

    /// Bytes came in: messages, parts of them, control frames, as many as were on the wire. For limits on the rate of bytes, which
    /// control frames would slip through otherwise.
    fn on_received(&mut self, bytes: usize, io: &mut SessionIo<'_>) -> Flow {
        let _ = (bytes, io);
        Flow::Continue
    }

    /// A whole text message.
    fn on_text(&mut self, text: &str, io: &mut SessionIo<'_>) -> Flow;

    /// A whole binary message. Refused with 1003 unless overridden.
    fn on_binary(&mut self, data: &[u8], io: &mut SessionIo<'_>) -> Flow {
        let _ = (data, io);
        Flow::Close(CloseFrame::new(
            CloseCode::UNSUPPORTED,
            "binary messages are not accepted",
        ))
    }

    /// Drives asynchronous work. Poll everything outstanding with `cx` until it is pending, and stop producing output while
    /// [`SessionIo::has_room`] is false: the task calls again once the client has taken some.
    fn poll_work(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) -> Flow {
        let _ = (cx, io);
        Flow::Continue
    }

    /// Whether the next message may be handed in. While false the connection reads nothing, so that the client's pipelining is
    /// bounded; asked again after each [`Session::poll_work`].
    fn ready_for_input(&self) -> bool {
        true
    }

    /// The server drains: no further message will be handed in. Scans and the like should end; what was accepted is finished.
    fn on_drain(&mut self, io: &mut SessionIo<'_>) {
        let _ = io;
    }

    /// Whether no accepted work is outstanding; a draining connection is closed once this is true and all is written.
    fn is_idle(&self) -> bool {
        true
    }

    /// The connection has ended; nothing can be sent any more.
    fn on_close(&mut self, reason: &EndReason) {
        let _ = reason;
    }
}

/// Makes sessions for accepted connections.
pub trait SessionFactory: Send + Sync + 'static {
    /// The sessions made.
    type Session: Session;

    /// Asked before the handshake is answered; connection caps have been checked already.
    ///
    /// # Errors
    /// The HTTP answer in place of the upgrade.
    fn admit(&self, info: &ConnectionInfo) -> Result<(), Refusal> {
        let _ = info;
        Ok(())
    }

    /// The handshake is done; `outbox` may be kept and shared. Called in the runtime, must not block.
    fn open(&self, info: &Arc<ConnectionInfo>, outbox: &Outbox) -> Self::Session;
}
