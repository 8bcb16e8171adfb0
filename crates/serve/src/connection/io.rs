//! What a session can do with its connection.

use std::sync::Arc;

use super::writer::Writer;
use crate::info::ConnectionInfo;
use crate::outbox::Outbox;
use crate::websocket::deflate::Deflater;

/// A session's view of its connection during a call. What is written goes out with the next system call, before what the outbox
/// holds by then and after what was taken from it earlier.
pub struct SessionIo<'a> {
    pub(super) writer: &'a mut Writer,
    pub(super) deflater: &'a mut Deflater,
    pub(super) info: &'a Arc<ConnectionInfo>,
    pub(super) outbox: &'a Outbox,
    pub(super) room: usize,
    pub(super) sent: &'a mut u64,
}

impl SessionIo<'_> {
    /// Sends a text message. The bytes must be UTF-8.
    pub fn write_text(&mut self, text: &[u8]) {
        self.write_parts(&[text]);
    }

    /// Sends a text message given in parts.
    pub fn write_parts(&mut self, parts: &[&[u8]]) {
        self.writer.text(parts, self.deflater);
        *self.sent += 1;
    }

    /// Bytes written but not yet taken by the socket.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.writer.pending()
    }

    /// Whether more output should be produced now. A scan pauses while this is false (R8.1).
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.writer.pending() < self.room
    }

    /// The connection's facts.
    #[must_use]
    pub const fn info(&self) -> &Arc<ConnectionInfo> {
        self.info
    }

    /// The connection's outbox, to be cloned for who pushes from elsewhere.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        self.outbox
    }

    /// Sends what waits in the outbox before anything written after this call, as far as there is room. Use it where order
    /// matters: frames of a subscription that is being replaced must precede those of its successor.
    pub fn flush_outbox(&mut self) {
        let mut frames = Vec::new();
        self.outbox
            .take(self.room.saturating_sub(self.writer.pending()), &mut frames);
        for frame in &frames {
            self.write_parts(&frame.parts());
        }
    }
}
