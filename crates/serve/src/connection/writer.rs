//! The output side of a connection: frames are encoded into one buffer and written with one system call.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::scratch::Scratch;
use crate::websocket::close::CloseFrame;
use crate::websocket::deflate::{Agreement, Deflater};
use crate::websocket::frame::{Opcode, write_header};

/// How messages are compressed on one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compression {
    pub(crate) level: u32,
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl Compression {
    pub(crate) fn new(agreement: Agreement, level: u32, min: usize) -> Self {
        Self {
            level,
            min,
            max: agreement.max_compressed(),
        }
    }
}

/// Encoded bytes that are still to be written. While the connection runs it uses the thread's buffer; what cannot be written is
/// copied into a buffer of its own.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    buffer: Vec<u8>,
    start: usize,
    compression: Option<Compression>,
}

/// What came of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Everything is with the kernel.
    All,
    /// The socket takes no more for now; the waker is registered. `true`: some bytes were taken.
    Blocked(bool),
}

impl Writer {
    pub(super) fn new(compression: Option<Compression>) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            compression,
        }
    }

    /// Borrows the thread's buffer, unless an own one is still being written.
    pub(super) fn borrow(&mut self, scratch: &mut Scratch) {
        if self.buffer.capacity() == 0 {
            self.buffer = std::mem::take(&mut scratch.output);
        }
    }

    /// Gives the thread's buffer back; what is left goes into an own one.
    pub(super) fn give_back(&mut self, scratch: &mut Scratch) {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        if scratch.output.capacity() == 0 {
            let rest = rest.to_vec();
            let mut buffer = std::mem::replace(&mut self.buffer, rest);
            buffer.clear();
            scratch.output = buffer;
            self.start = 0;
        } else if rest.is_empty() {
            self.buffer = Vec::new();
            self.start = 0;
        }
    }

    /// Bytes not yet written.
    pub(super) fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Appends a text message.
    pub(super) fn text(&mut self, parts: &[&[u8]], deflater: &mut Deflater) {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        if let Some(how) = self.compression
            && total >= how.min
            && total <= how.max
            && let Some(body) = deflater.deflate(how.level, parts)
        {
            write_header(&mut self.buffer, Opcode::Text, true, body.len());
            self.buffer.extend_from_slice(body);
            return;
        }
        write_header(&mut self.buffer, Opcode::Text, false, total);
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
    }

    /// Appends a ping or pong.
    pub(super) fn control(&mut self, opcode: Opcode, data: &[u8]) {
        write_header(&mut self.buffer, opcode, false, data.len());
        self.buffer.extend_from_slice(data);
    }

    /// Appends a close frame; `None`: without code.
    pub(super) fn close(&mut self, frame: Option<&CloseFrame>) {
        let mut body = Vec::new();
        if let Some(frame) = frame {
            frame.write_body(&mut body);
        }
        self.control(Opcode::Close, &body);
    }

    /// Writes as much as the socket takes. Counts written bytes onto `written`.
    pub(super) fn flush<W>(
        &mut self,
        io: &mut W,
        cx: &mut Context<'_>,
        written: &mut u64,
    ) -> io::Result<Flushed>
    where
        W: AsyncWrite + Unpin,
    {
        let mut progress = false;
        while let Some(rest) = self
            .buffer
            .get(self.start..)
            .filter(|rest| !rest.is_empty())
        {
            match Pin::new(&mut *io).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    progress = true;
                    *written += count as u64;
                    self.start += count;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.compact();
                    return Ok(Flushed::Blocked(progress));
                }
            }
        }
        self.buffer.clear();
        self.start = 0;
        // TLS takes bytes before the socket does.
        match Pin::new(io).poll_flush(cx) {
            Poll::Ready(Ok(())) => Ok(Flushed::All),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(Flushed::Blocked(progress)),
        }
    }

    /// Moves the rest to the front once most of the buffer is written, so that appending does not grow it for ever.
    fn compact(&mut self) {
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}
