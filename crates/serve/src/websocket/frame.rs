//! Frame headers (RFC 6455, section 5.2): parsing what clients send, writing what the server sends.

use thiserror::Error;

/// Most bytes a server's frame header has: two, and eight of length.
pub const MAX_SERVER_HEADER: usize = 10;

/// The defined opcodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation,
    /// Text, UTF-8.
    Text,
    /// Binary data.
    Binary,
    /// Close handshake.
    Close,
    /// Ping.
    Ping,
    /// Pong.
    Pong,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    /// Whether this is close, ping or pong.
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A parsed header of a client's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last fragment.
    pub fin: bool,
    /// RSV1: the message is compressed (RFC 7692).
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// Bytes of payload.
    pub payload: u64,
    /// The masking key.
    pub mask: [u8; 4],
    /// Bytes the header itself takes.
    pub size: usize,
}

/// What is wrong with a header. All of these close with 1002.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// RSV2 or RSV3 is set: no extension that defines them was agreed on.
    #[error("reserved bits set")]
    ReservedBits,
    /// An opcode that is not defined.
    #[error("unknown opcode")]
    Opcode,
    /// Clients must mask every frame.
    #[error("frame is not masked")]
    NotMasked,
    /// A control frame in fragments, compressed, or with more than 125 bytes.
    #[error("malformed control frame")]
    Control,
    /// A length that has a shorter form, or with its highest bit set.
    #[error("malformed length")]
    Length,
}

/// Parses the header at the start of `input`. `Ok(None)`: it is not there as a whole yet. What can be refused from the first two
/// bytes is refused from them.
///
/// # Errors
/// [`HeaderError`].
pub fn parse_header(input: &[u8]) -> Result<Option<Header>, HeaderError> {
    let Some((&[first, second], rest)) = input.split_first_chunk::<2>() else {
        return Ok(None);
    };
    if first & 0x30 != 0 {
        return Err(HeaderError::ReservedBits);
    }
    let opcode = Opcode::from_bits(first & 0x0f).ok_or(HeaderError::Opcode)?;
    let (fin, rsv1) = (first & 0x80 != 0, first & 0x40 != 0);
    if second & 0x80 == 0 {
        return Err(HeaderError::NotMasked);
    }
    let short = second & 0x7f;
    if opcode.is_control() && (!fin || rsv1 || short > 125) {
        return Err(HeaderError::Control);
    }
    let Some((payload, rest)) = parse_length(short, rest)? else {
        return Ok(None);
    };
    let Some((&mask, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    Ok(Some(Header {
        fin,
        rsv1,
        opcode,
        payload,
        mask,
        size: input.len() - rest.len(),
    }))
}

fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, HeaderError> {
    match short {
        126 => {
            let Some((long, rest)) = rest.split_first_chunk::<2>() else {
                return Ok(None);
            };
            let length = u64::from(u16::from_be_bytes(*long));
            if length < 126 {
                Err(HeaderError::Length)
            } else {
                Ok(Some((length, rest)))
            }
        }
        127 => {
            let Some((long, rest)) = rest.split_first_chunk::<8>() else {
                return Ok(None);
            };
            let length = u64::from_be_bytes(*long);
            let minimal = length > u64::from(u16::MAX) && length >> 63 == 0;
            if minimal {
                Ok(Some((length, rest)))
            } else {
                Err(HeaderError::Length)
            }
        }
        _ => Ok(Some((u64::from(short), rest))),
    }
}

/// Appends the header of a complete, unmasked frame.
pub fn write_header(out: &mut Vec<u8>, opcode: Opcode, compressed: bool, payload: usize) {
    let first = 0x80 | if compressed { 0x40 } else { 0 } | opcode.bits();
    if let Ok(short) = u8::try_from(payload)
        && short < 126
    {
        out.extend_from_slice(&[first, short]);
    } else if let Ok(long) = u16::try_from(payload) {
        let [a, b] = long.to_be_bytes();
        out.extend_from_slice(&[first, 126, a, b]);
    } else {
        out.extend_from_slice(&[first, 127]);
        out.extend_from_slice(&(payload as u64).to_be_bytes());
    }
}

/// Applies (or removes) a client's mask in place.
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}
