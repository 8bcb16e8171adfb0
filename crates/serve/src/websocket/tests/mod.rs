mod deflate;
mod frame;
mod message;

use super::frame::{Opcode, unmask};

/// A client's frame. `opcode` and flags as the bits of the first byte.
pub(super) fn client_frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = Vec::new();
    super::frame::write_header(&mut frame, Opcode::Text, false, payload.len());
    frame[0] = first;
    frame[1] |= 0x80;
    frame.extend_from_slice(&mask);
    let start = frame.len();
    frame.extend_from_slice(payload);
    unmask(&mut frame[start..], mask);
    frame
}
