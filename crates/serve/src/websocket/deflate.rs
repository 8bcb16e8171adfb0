//! permessage-deflate (RFC 7692), always without context takeover on either side: a message is compressed for itself, so the
//! (de)compressor belongs to the thread and a connection keeps no state.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use thiserror::Error;

/// The end of a deflate block flushed with `Z_SYNC_FLUSH`, left out on the wire (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Smallest step by which output buffers grow.
const CHUNK: usize = 16 << 10;
/// Output buffers above this size are given back after use.
const KEEP: usize = 1 << 20;

/// What was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// The largest window, as a power of two, that the client can decode with. A message no longer than the window never
    /// refers back further than that, so longer ones are sent uncompressed instead of keeping compressors of each size.
    pub server_bits: Option<u8>,
}

impl Agreement {
    /// Picks the first acceptable offer from the values of `Sec-WebSocket-Extensions`.
    pub fn negotiate<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        values
            .into_iter()
            .flat_map(|value| value.split(','))
            .find_map(Self::accept)
    }

    fn accept(offer: &str) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
            return None;
        }
        let mut seen = Vec::with_capacity(4);
        let mut server_bits = None;
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (
                    name.trim().to_ascii_lowercase(),
                    Some(value.trim().trim_matches('"')),
                ),
                None => (part.to_ascii_lowercase(), None),
            };
            match (name.as_str(), value) {
                (
                    "server_no_context_takeover"
                    | "client_no_context_takeover"
                    | "client_max_window_bits",
                    None,
                ) => {}
                ("client_max_window_bits", Some(bits)) => {
                    window_bits(bits)?;
                }
                ("server_max_window_bits", Some(bits)) => server_bits = Some(window_bits(bits)?),
                _ => return None,
            }
            if seen.contains(&name) || seen.len() == 4 {
                return None;
            }
            seen.push(name);
        }
        Some(Self { server_bits })
    }

    /// The value of the answer's `Sec-WebSocket-Extensions`.
    #[must_use]
    pub fn answer(&self) -> String {
        let mut answer =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover".to_owned();
        if let Some(bits) = self.server_bits {
            answer.push_str(&format!("; server_max_window_bits={bits}"));
        }
        answer
    }

    /// Longest message that may be compressed.
    #[must_use]
    pub fn max_compressed(&self) -> usize {
        match self.server_bits {
            Some(bits) if bits < 15 => 1 << bits,
            _ => usize::MAX,
        }
    }
}

/// A window size as the RFC writes it: 8 to 15 without leading zeros.
fn window_bits(text: &str) -> Option<u8> {
    let bits: u8 = text.parse().ok()?;
    ((8..=15).contains(&bits) && !text.starts_with(['0', '+'])).then_some(bits)
}

/// Why a message does not inflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InflateError {
    /// It is larger than the limit.
    #[error("message is too big")]
    TooBig,
    /// It is not deflated data.
    #[error("message is corrupt")]
    Corrupt,
}

/// A thread's decompressor, and its room for the messages of connections.
#[derive(Debug, Default)]
pub struct Inflater {
    state: Option<Decompress>,
    out: Vec<u8>,
}

impl Inflater {
    /// Keeps an assembled message where inflated ones are.
    pub(crate) fn hold(&mut self, message: Vec<u8>) -> &[u8] {
        self.out = message;
        &self.out
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// Gives back the room that a large message took.
    pub(crate) fn trim(&mut self) {
        if self.out.capacity() > KEEP {
            self.out = Vec::new();
        }
    }

    /// Inflates one message to at most `limit` bytes.
    ///
    /// # Errors
    /// [`InflateError`]; no more than `limit` and a chunk is ever held.
    pub fn inflate(&mut self, data: &[u8], limit: usize) -> Result<&[u8], InflateError> {
        let state = self.state.get_or_insert_with(|| Decompress::new(false));
        state.reset(false);
        self.out.clear();
        if !feed(state, data, &mut self.out, limit)? {
            feed(state, &TAIL, &mut self.out, limit)?;
        }
        Ok(&self.out)
    }
}

/// Inflates `data` onto `out`. `true`: the stream has ended by a final block.
fn feed(
    state: &mut Decompress,
    mut data: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<bool, InflateError> {
    loop {
        if out.len() == out.capacity() {
            out.reserve(out.len().clamp(CHUNK, limit.max(CHUNK)));
        }
        let (consumed, produced) = (state.total_in(), state.total_out());
        let status = state
            .decompress_vec(data, out, FlushDecompress::Sync)
            .map_err(|_| InflateError::Corrupt)?;
        let consumed = (state.total_in() - consumed) as usize;
        data = data.get(consumed..).unwrap_or_default();
        if out.len() > limit {
            return Err(InflateError::TooBig);
        }
        match status {
            // A sender that cannot flush ends the stream and pads with an empty byte (section 7.2.3.4).
            Status::StreamEnd => {
                return if matches!(data, [] | [0]) {
                    Ok(true)
                } else {
                    Err(InflateError::Corrupt)
                };
            }
            _ if data.is_empty() && out.len() < out.capacity() => return Ok(false),
            _ if consumed == 0 && state.total_out() == produced && out.len() < out.capacity() => {
                return Err(InflateError::Corrupt);
            }
            _ => {}
        }
    }
}

/// A thread's compressor.
#[derive(Debug, Default)]
pub struct Deflater {
    state: Option<(u32, Compress)>,
    out: Vec<u8>,
}

impl Deflater {
    /// Compresses one message given in parts. `None`: it does not get smaller (or the compressor failed): send it as it is.
    pub fn deflate(&mut self, level: u32, parts: &[&[u8]]) -> Option<&[u8]> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        if self
            .state
            .as_ref()
            .is_some_and(|(made_with, _)| *made_with != level)
        {
            self.state = None;
        }
        let (_, state) = self.state.get_or_insert_with(|| {
            (
                level,
                Compress::new(Compression::new(level.clamp(1, 9)), false),
            )
        });
        state.reset();
        self.out.clear();
        let (last, first) = parts.split_last()?;
        for part in first {
            compress(state, part, &mut self.out, FlushCompress::None)?;
        }
        compress(state, last, &mut self.out, FlushCompress::Sync)?;
        let body = self.out.strip_suffix(&TAIL)?;
        (body.len() < total).then_some(body)
    }

    /// Gives back the room that a large message took.
    pub(crate) fn trim(&mut self) {
        if self.out.capacity() > KEEP {
            self.out = Vec::new();
        }
    }
}

fn compress(
    state: &mut Compress,
    mut data: &[u8],
    out: &mut Vec<u8>,
    flush: FlushCompress,
) -> Option<()> {
    let flushing = matches!(flush, FlushCompress::Sync);
    loop {
        if out.capacity() - out.len() < 64 {
            out.reserve(out.len().max(CHUNK));
        }
        let before = state.total_in();
        state.compress_vec(data, out, flush).ok()?;
        data = data.get((state.total_in() - before) as usize..)?;
        let done = if flushing {
            out.len() < out.capacity()
        } else {
            true
        };
        if data.is_empty() && done {
            return Some(());
        }
    }
}
