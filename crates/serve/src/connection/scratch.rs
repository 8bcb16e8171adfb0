//! What the connections of a thread share while they run, so that a sleeping one owns no buffer.

use std::cell::Cell;

use crate::metrics::Tally;
use crate::outbox::OutFrame;
use crate::websocket::deflate::{Deflater, Inflater};

/// Bytes read at once.
pub(super) const READ: usize = 64 << 10;
/// An incomplete frame up to this size is put in front of what is read next, to be processed in place.
pub(super) const REST: usize = 16 << 10;
/// A larger output buffer is given back to the allocator.
const KEEP: usize = 1 << 20;

/// A thread's buffers and (de)compressor.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// [`REST`] + [`READ`] bytes.
    pub(super) input: Vec<u8>,
    /// The output buffer of whichever connection runs.
    pub(super) output: Vec<u8>,
    /// Frames taken from an outbox.
    pub(super) frames: Vec<OutFrame>,
    /// What is to be counted.
    pub(super) tally: Tally,
    /// The decompressor.
    pub(super) inflater: Inflater,
    /// The compressor.
    pub(super) deflater: Deflater,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// Takes the thread's scratch; a fresh one if it is in use.
    pub(super) fn take() -> Box<Self> {
        SCRATCH.take().unwrap_or_default()
    }

    /// Puts it back, smaller if it has grown much.
    pub(super) fn put_back(mut self: Box<Self>) {
        self.frames.clear();
        if self.output.capacity() > KEEP {
            self.output = Vec::new();
        }
        self.inflater.trim();
        self.deflater.trim();
        SCRATCH.set(Some(self));
    }

    /// The read buffer; to be given back into `input`.
    pub(super) fn take_input(&mut self) -> Vec<u8> {
        let mut input = std::mem::take(&mut self.input);
        input.resize(REST + READ, 0);
        input
    }
}
