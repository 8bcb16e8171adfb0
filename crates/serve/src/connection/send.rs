//! From the outbox and the session to the socket.

use std::task::Context;

use tokio::io::{AsyncRead, AsyncWrite};

use super::scratch::Scratch;
use super::writer::Flushed;
use super::{Connection, SessionIo};
use crate::metrics::Tally;
use crate::session::{EndReason, Flow, Session};

impl<S: Session, IO: AsyncRead + AsyncWrite + Unpin> Connection<S, IO> {
    /// Moves frames from the outbox to the writer. `true`: there may be more.
    pub(super) fn deliver(&mut self, scratch: &mut Scratch) -> bool {
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
    pub(super) fn call<T>(
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

    pub(super) fn follow(&mut self, flow: Flow) {
        if let Flow::Close(frame) = flow {
            self.close(frame);
        }
    }

    pub(super) fn flush(
        &mut self,
        cx: &mut Context<'_>,
        tally: &mut Tally,
    ) -> Result<(), EndReason> {
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

    pub(super) fn has_room(&self) -> bool {
        self.writer.pending() < self.config.write_room
    }

    /// Input is left in the socket while its answers would pile up.
    pub(super) fn input_paused(&self) -> bool {
        !self.has_room() || !self.session.ready_for_input()
    }
}
