//! Client bytes against the WebSocket decoder: no panic, no message above the limit, and the same messages in whatever pieces the
//! bytes come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_serve::websocket::deflate::Inflater;
use stentor_serve::websocket::message::{Decoder, Step};

const LIMIT: usize = 4096;

/// What came out, in a form that can be compared.
fn decode(stream: &[u8], piece: usize, deflate: bool) -> Vec<String> {
    let (mut decoder, mut inflater) = (Decoder::new(LIMIT, deflate), Inflater::default());
    let (mut out, mut buffer) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            let (consumed, step) = match decoder.next(&mut buffer, &mut inflater) {
                Ok(decoded) => decoded,
                Err(frame) => {
                    out.push(format!("{frame:?}"));
                    return out;
                }
            };
            match &step {
                Step::Text(text) => assert!(text.len() <= LIMIT),
                Step::Binary(data) => assert!(data.len() <= LIMIT),
                Step::Ping(data) => assert!(data.len() <= 125),
                Step::Incomplete | Step::Nothing | Step::Close(_) => {}
            }
            if !matches!(step, Step::Incomplete | Step::Nothing) {
                out.push(format!("{step:?}"));
            }
            if consumed == 0 {
                break;
            }
            buffer.drain(..consumed);
        }
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let [flags, stream @ ..] = data else { return };
    let (deflate, piece) = (flags & 1 == 1, usize::from(flags >> 1));
    assert_eq!(decode(stream, usize::MAX, deflate), decode(stream, piece, deflate));
});
