//! Whatever a node sends to the Rust client, in whatever pieces: no panic, and the same is told however it is cut.

#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use stentor_client::{Follow, Since};

fn told(bytes: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
    let mut follow = Follow::new(&Since::Now);
    let now = Instant::now();
    follow.begin(now);
    let mut all = Vec::new();
    for piece in bytes.chunks(piece) {
        match follow.bytes(piece, now) {
            Ok(told) => all.extend(told.iter().map(|one| format!("{one:?}"))),
            // What came in the same piece before the fault is not told.
            Err(_) => return (Vec::new(), None),
        }
    }
    (all, follow.cursor().map(str::to_owned))
}

fuzz_target!(|bytes: &[u8]| {
    let [piece, bytes @ ..] = bytes else { return };
    let whole = told(bytes, bytes.len().max(1));
    assert_eq!(told(bytes, usize::from(*piece).max(1)), whole);
});
