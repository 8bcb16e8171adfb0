//! First-seen times of the pairs of a relay and a part of a chunk, in the order of their numbers (O3.3).
//!
//! The first byte is the format's version, `1`. Then the first time in Unix milliseconds, and the difference of each from the one
//! before, as varints. Numbers are given out as events arrive, so neighbours were mostly seen at nearly the same time: a pair takes one to
//! three bytes. Whose times they are is told by the chunk's bitmap.

use super::varint;

const VERSION: u8 = 1;

/// The bytes of these times.
pub(super) fn encode(times: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + 2 * times.len());
    out.push(VERSION);
    let mut before = 0_u64;
    for (place, &time) in times.iter().enumerate() {
        if place == 0 {
            varint::put(&mut out, time);
        } else {
            varint::put_signed(&mut out, time.wrapping_sub(before) as i64);
        }
        before = time;
    }
    out
}

/// Exactly `count` times of these bytes; `None` when they are something else.
pub(super) fn decode(bytes: &[u8], count: usize) -> Option<Vec<u64>> {
    let (&VERSION, mut rest) = bytes.split_first()? else {
        return None;
    };
    // Each takes a byte at least.
    if count > rest.len() {
        return None;
    }
    let mut times = Vec::with_capacity(count);
    for place in 0..count {
        let time = match times.last() {
            None if place == 0 => varint::take(&mut rest)?,
            before => before
                .copied()
                .unwrap_or(0_u64)
                .wrapping_add(varint::take_signed(&mut rest)? as u64),
        };
        times.push(time);
    }
    rest.is_empty().then_some(times)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn o3_3_times_come_back(times: Vec<u64>) {
            prop_assert_eq!(decode(&encode(&times), times.len()), Some(times.clone()));
            prop_assert_eq!(decode(&encode(&times), times.len() + 1), None);
        }

        #[test]
        fn o3_3_bytes_that_are_no_times_do_not_panic(bytes: Vec<u8>, count in 0_usize..100) {
            let _ = decode(&bytes, count);
        }
    }
}
