//! Every line of an import is accounted for, whatever it holds, and what is handed to the store is within the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;

// The stages of an import that need no store, from the binary's own files.
#[path = "../../crates/stentor/src/import/chunks.rs"]
mod chunks;
#[path = "../../crates/stentor/src/import/judge.rs"]
mod judge;
#[allow(dead_code)]
#[path = "../../crates/stentor/src/import/summary.rs"]
mod summary;

use chunks::Chunks;
use judge::Rules;
use summary::Summary;

const EVENT_BYTES: usize = 1_000;
const LINE_BYTES: usize = 2_000;

fuzz_target!(|bytes: &[u8]| {
    let rules = Rules {
        event_bytes: EVENT_BYTES,
        tags: 10,
        filters: Vec::new(),
        trusted: false,
        early: false,
        bans: None,
    };
    let mut summary = Summary::default();
    let mut taken = 0;
    let mut chunks = Chunks::new(bytes, LINE_BYTES, 0);
    while let Some(chunk) = chunks.next().unwrap() {
        let judged = rules.judge(&chunk);
        assert_eq!(judged.events.len(), judged.lines.len());
        assert!(judged.lines.is_sorted());
        for submission in &judged.events {
            assert!(!submission.verified && submission.event.json().len() <= EVENT_BYTES);
            submission.event.check_id().unwrap();
        }
        taken += judged.events.len() as u64;
        summary.add(judged.summary);
    }
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .count() as u64;
    // A line without end that is dropped before it is whole counts even if it is blank.
    let last = bytes
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let dropped = last.len() > LINE_BYTES && last.trim_ascii().is_empty();
    let lines = lines + u64::from(dropped);
    let invalid: u64 = summary.invalid.values().sum();
    assert_eq!(summary.lines, lines);
    assert_eq!(taken + invalid + summary.ephemeral, lines);
});
