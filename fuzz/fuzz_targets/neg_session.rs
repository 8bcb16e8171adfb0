//! Messages of negentropy (NIP-77) against the side that answers: no panic, no answer above the limit, and what passes the check
//! that is made before a set is gathered is answered, whatever the set.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_event::{EventId, Timestamp};
use stentor_store::reconcile::{Session, SnapshotBuilder, check_message};

const FRAME_BYTES: usize = 4_096;

/// A set made from bytes: few seconds and ids that begin alike, and now and then the same event twice.
fn session(bytes: &[u8], frame_bytes: usize) -> Session {
    let mut events: Vec<(u64, [u8; 32])> = bytes
        .chunks(3)
        .map(|chunk| {
            let byte = |at: usize| chunk.get(at).copied().unwrap_or_default();
            let mut id = [byte(1) & 7; 32];
            id[8] = byte(2);
            (u64::from(byte(0) & 15), id)
        })
        .collect();
    // As a store returns them: newest first, of the id by 64 bits.
    events.sort_by_key(|(at, id)| (std::cmp::Reverse(*at), id[..8].to_vec()));
    let mut set = SnapshotBuilder::default();
    set.extend(events.into_iter().map(|(at, id)| (Timestamp(at), EventId(id))));
    Session::new(set.finish(), frame_bytes).unwrap()
}

fuzz_target!(|input: (&[u8], Vec<Vec<u8>>)| {
    let (set, messages) = input;
    for frame_bytes in [0, FRAME_BYTES] {
        let session = session(set, frame_bytes);
        for message in &messages {
            // Most garbage is told by its first byte; the rest is reached with the right one.
            let right = [&[0x61], message.as_slice()].concat();
            for message in [message, &right] {
                let answer = session.answer(message);
                assert!(answer.is_ok() || check_message(message).is_err());
                if frame_bytes != 0 {
                    assert!(answer.map_or(0, |answer| answer.len()) <= frame_bytes);
                }
            }
        }
    }
});
