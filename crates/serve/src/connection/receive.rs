//! The input side of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::scratch::{READ, REST, Scratch};
use super::{Connection, Phase};
use crate::session::{EndReason, Flow, Session};
use crate::websocket::deflate::Inflater;
use crate::websocket::frame::Opcode;
use crate::websocket::message::Step;

/// What a call of [`Connection::receive`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// Bytes came in, and there may be more.
    Some,
    /// Nothing is there; the waker is registered.
    Nothing,
    /// The session wants no input now; no waker is registered.
    Paused,
}

impl<S: Session, IO: AsyncRead + AsyncWrite + Unpin> Connection<S, IO> {
    /// Reads once and hands on what is whole.
    pub(super) fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Result<Received, EndReason> {
        if self.held {
            self.decode_rest(scratch);
        }
        if self.held || self.input_paused() || !matches!(self.phase, Phase::Open) {
            return Ok(Received::Paused);
        }
        let mut input = scratch.take_input();
        let result = self.read_into(cx, scratch, &mut input);
        scratch.input = input;
        result
    }

    fn read_into(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        input: &mut [u8],
    ) -> Result<Received, EndReason> {
        let kept = if self.rest.len() <= REST {
            self.rest.len()
        } else {
            0
        };
        let Some(space) = input.get_mut(kept..kept + READ) else {
            return Ok(Received::Nothing);
        };
        let mut space = ReadBuf::new(space);
        let count = match Pin::new(&mut self.io).poll_read(cx, &mut space) {
            Poll::Pending => return Ok(Received::Nothing),
            Poll::Ready(Ok(())) => space.filled().len(),
            Poll::Ready(Err(_)) => return Err(EndReason::Lost),
        };
        if count == 0 {
            return Err(EndReason::Lost);
        }
        scratch.tally.bytes_in += count as u64;
        self.clock.heard();
        let flow = self.call(scratch, |session, io| session.on_received(count, io));
        self.follow(flow);
        if kept == self.rest.len() {
            if let Some(front) = input.get_mut(..kept) {
                front.copy_from_slice(&self.rest);
            }
            let input = input.get_mut(..kept + count).unwrap_or_default();
            let consumed = self.decode(input, scratch);
            self.keep(input.get(consumed..).unwrap_or_default());
        } else {
            self.rest
                .extend_from_slice(input.get(..count).unwrap_or_default());
            self.decode_rest(scratch);
        }
        Ok(Received::Some)
    }

    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.rest = Vec::new();
        } else {
            self.rest.clear();
            self.rest.extend_from_slice(rest);
        }
    }

    fn decode_rest(&mut self, scratch: &mut Scratch) {
        let mut rest = std::mem::take(&mut self.rest);
        let consumed = self.decode(&mut rest, scratch);
        if consumed < rest.len() {
            rest.drain(..consumed);
            self.rest = rest;
        }
    }

    /// Hands on the whole messages in `input` until the session wants no more. Returns how many bytes are done with.
    fn decode(&mut self, input: &mut [u8], scratch: &mut Scratch) -> usize {
        let mut inflater = std::mem::take(&mut scratch.inflater);
        let mut done = 0;
        self.held = false;
        while matches!(self.phase, Phase::Open) {
            let Some(input) = input.get_mut(done..).filter(|input| !input.is_empty()) else {
                break;
            };
            if self.input_paused() {
                self.held = true;
                break;
            }
            let consumed = self.decode_one(input, scratch, &mut inflater);
            if consumed == 0 {
                break;
            }
            done += consumed;
        }
        scratch.inflater = inflater;
        done
    }

    fn decode_one(
        &mut self,
        input: &mut [u8],
        scratch: &mut Scratch,
        inflater: &mut Inflater,
    ) -> usize {
        let (consumed, step) = match self.decoder.next(input, inflater) {
            Ok(decoded) => decoded,
            Err(frame) => {
                self.close(frame);
                return 0;
            }
        };
        let flow = match step {
            Step::Incomplete | Step::Nothing => Flow::Continue,
            Step::Text(text) => {
                scratch.tally.received += 1;
                self.call(scratch, |session, io| session.on_text(text, io))
            }
            Step::Binary(data) => {
                scratch.tally.received += 1;
                self.call(scratch, |session, io| session.on_binary(data, io))
            }
            Step::Ping(data) => {
                self.writer.control(Opcode::Pong, data);
                Flow::Continue
            }
            Step::Close(frame) => {
                self.close_by_client(frame);
                Flow::Continue
            }
        };
        self.follow(flow);
        consumed
    }
}
