//! From bytes to messages: frames, fragments, UTF-8 and limits (RFC 6455, sections 5.4 to 5.6 and 8.1).

use super::close::{CloseCode, CloseFrame};
use super::deflate::{InflateError, Inflater};
use super::frame::{Header, Opcode, parse_header, unmask};

/// What the next bytes of the input are.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Not a whole frame yet.
    Incomplete,
    /// A fragment was kept, or a pong arrived; nothing to hand on.
    Nothing,
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered with the same data.
    Ping(&'a [u8]),
    /// The client closes.
    Close(Option<CloseFrame>),
}

/// A message of which some fragments are here.
#[derive(Debug)]
struct Fragments {
    text: bool,
    compressed: bool,
    data: Vec<u8>,
    /// Length of the part already known to be UTF-8.
    valid: usize,
}

/// Decoder of one connection's input. Holds nothing but the fragments of an unfinished message.
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    deflate: bool,
    fragments: Option<Box<Fragments>>,
}

/// Result of decoding: bytes consumed and what they are, or the close frame to answer with.
pub type Decoded<'a> = Result<(usize, Step<'a>), CloseFrame>;

impl Decoder {
    /// A decoder. `max_message` bounds a message in bytes, before and after decompression (0 = no limit); `deflate` is whether
    /// permessage-deflate was agreed on.
    #[must_use]
    pub const fn new(max_message: usize, deflate: bool) -> Self {
        Self {
            max_message: if max_message == 0 {
                usize::MAX
            } else {
                max_message
            },
            deflate,
            fragments: None,
        }
    }

    /// Decodes the frame at the start of `input`, unmasking it in place. `inflater` lends the room for messages that are not
    /// contiguous in the input.
    ///
    /// # Errors
    /// The close frame to answer with; the input is of no use after that.
    pub fn next<'a>(&mut self, input: &'a mut [u8], inflater: &'a mut Inflater) -> Decoded<'a> {
        let header = match parse_header(input) {
            Ok(Some(header)) => header,
            Ok(None) => return Ok((0, Step::Incomplete)),
            Err(error) => return Err(CloseFrame::new(CloseCode::PROTOCOL, error.to_string())),
        };
        self.check(&header)?;
        let size = usize::try_from(header.payload).map_err(|_| too_big())?;
        let end = header.size.checked_add(size).ok_or_else(too_big)?;
        let Some(payload) = input.get_mut(header.size..end) else {
            return Ok((0, Step::Incomplete));
        };
        unmask(payload, header.mask);
        let step = match header.opcode {
            Opcode::Ping => Step::Ping(payload),
            Opcode::Pong => Step::Nothing,
            Opcode::Close => Step::Close(CloseFrame::parse(payload)?),
            _ if header.fin && self.fragments.is_none() => {
                self.whole(&header, payload, inflater)?
            }
            _ => self.fragment(&header, payload, inflater)?,
        };
        Ok((end, step))
    }

    /// What can be refused before the payload is here.
    fn check(&self, header: &Header) -> Result<(), CloseFrame> {
        if header.opcode.is_control() {
            return Ok(());
        }
        let protocol = |reason| Err(CloseFrame::new(CloseCode::PROTOCOL, reason));
        match (header.opcode, &self.fragments) {
            (Opcode::Continuation, None) => return protocol("continuation of nothing"),
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return protocol("new message inside a fragmented one");
            }
            _ => {}
        }
        if header.rsv1 && (!self.deflate || header.opcode == Opcode::Continuation) {
            return protocol("reserved bits set");
        }
        let kept = self
            .fragments
            .as_ref()
            .map_or(0, |fragments| fragments.data.len() as u64);
        if header.payload.saturating_add(kept) > self.max_message as u64 {
            return Err(too_big());
        }
        Ok(())
    }

    fn whole<'a>(
        &self,
        header: &Header,
        payload: &'a [u8],
        inflater: &'a mut Inflater,
    ) -> Result<Step<'a>, CloseFrame> {
        let data = if header.rsv1 {
            self.inflate(payload, inflater)?
        } else {
            payload
        };
        if header.opcode == Opcode::Binary {
            Ok(Step::Binary(data))
        } else {
            text(data)
        }
    }

    fn fragment<'a>(
        &mut self,
        header: &Header,
        payload: &[u8],
        inflater: &'a mut Inflater,
    ) -> Result<Step<'a>, CloseFrame> {
        let mut fragments = self.fragments.take().unwrap_or_else(|| {
            let (text, compressed) = (header.opcode == Opcode::Text, header.rsv1);
            Box::new(Fragments {
                text,
                compressed,
                data: Vec::new(),
                valid: 0,
            })
        });
        fragments.data.extend_from_slice(payload);
        if fragments.text && !fragments.compressed {
            fragments.validate()?;
        }
        if !header.fin {
            self.fragments = Some(fragments);
            return Ok(Step::Nothing);
        }
        let data = if fragments.compressed {
            self.inflate(&fragments.data, inflater)?
        } else {
            inflater.hold(fragments.data)
        };
        if fragments.text {
            text(data)
        } else {
            Ok(Step::Binary(data))
        }
    }

    fn inflate<'a>(&self, data: &[u8], inflater: &'a mut Inflater) -> Result<&'a [u8], CloseFrame> {
        inflater
            .inflate(data, self.max_message)
            .map_err(|error| match error {
                InflateError::TooBig => too_big(),
                InflateError::Corrupt => {
                    CloseFrame::new(CloseCode::INVALID_DATA, "message does not inflate")
                }
            })
    }
}

impl Fragments {
    /// Checks what came since the last time; an unfinished character at the end may still become whole.
    fn validate(&mut self) -> Result<(), CloseFrame> {
        let fresh = self.data.get(self.valid..).unwrap_or_default();
        match simdutf8::compat::from_utf8(fresh) {
            Ok(_) => self.valid = self.data.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(not_utf8()),
        }
        Ok(())
    }
}

fn text(data: &[u8]) -> Result<Step<'_>, CloseFrame> {
    simdutf8::basic::from_utf8(data)
        .map(Step::Text)
        .map_err(|_| not_utf8())
}

fn too_big() -> CloseFrame {
    CloseFrame::new(CloseCode::TOO_BIG, "message too big")
}

fn not_utf8() -> CloseFrame {
    CloseFrame::new(CloseCode::INVALID_DATA, "text is not UTF-8")
}
