//! Whatever a plugin writes, in whatever pieces: no panic, bounded memory, and each question has at most one answer, which
//! names its event.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use stentor_event::EventId;

// What needs no process, from the relay's own files.
#[allow(dead_code)]
#[path = "../../crates/relay/src/policy/write/plugins/answer.rs"]
mod answer;
#[allow(dead_code)]
#[path = "../../crates/relay/src/policy/write/plugins/dispatch/mod.rs"]
mod dispatch;
#[allow(dead_code)]
#[path = "../../crates/relay/src/policy/write/plugins/lines.rs"]
mod lines;

use dispatch::{Dispatch, Heard};
use lines::Lines;

const LINE_BYTES: usize = 256;
/// Questions about as many events, whose ids consist of one hex digit each, so that the input can name them.
const EVENTS: u8 = 16;

fuzz_target!(|bytes: &[u8]| {
    let [piece, output @ ..] = bytes else { return };
    let now = Instant::now();
    let mut dispatch = Dispatch::new(usize::from(EVENTS), Duration::from_secs(1), now);
    for digit in 0..EVENTS {
        dispatch.add(EventId([digit * 0x11; 32]), digit, now).unwrap();
    }
    while dispatch.next(now, |_| false).is_some() {}
    let mut open = [true; EVENTS as usize];
    let mut lines = Lines::new(LINE_BYTES);
    for piece in output.chunks(usize::from(*piece).max(1)) {
        lines.space().extend_from_slice(piece);
        while let Some(line) = lines.next() {
            assert!(line.text.len() <= LINE_BYTES);
            match dispatch.hear(&line.text, now) {
                Heard::Answered(digit, _) | Heard::Puzzled(digit) => {
                    let named = answer::parse(&line.text).map(|answer| answer.id);
                    assert_eq!(named, Some(EventId([digit * 0x11; 32])));
                    assert!(std::mem::take(&mut open[usize::from(digit)]));
                }
                Heard::Late | Heard::Noise => {}
            }
        }
        assert!(lines.space().len() <= LINE_BYTES + 1);
    }
    let rest = dispatch.expire(now + Duration::from_secs(1)).items;
    assert_eq!(rest.len(), open.iter().filter(|open| **open).count());
});
