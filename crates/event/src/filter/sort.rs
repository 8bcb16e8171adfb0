//! Sorting many ids or keys quickly: they are evenly spread, so one pass by the first byte leaves next to nothing to compare.

/// Below this many, comparing is faster.
const FEW: usize = 48;

/// Sorts and removes duplicates. `first` gives the most significant byte of the order.
pub(super) fn sort_keys<T: Copy + Ord>(keys: &mut Vec<T>, first: impl Fn(&T) -> u8) {
    if !keys.is_sorted() {
        if keys.len() < FEW {
            keys.sort_unstable();
        } else {
            *keys = by_first_byte(keys, first);
        }
    }
    keys.dedup();
}

fn by_first_byte<T: Copy + Ord>(keys: &[T], first: impl Fn(&T) -> u8) -> Vec<T> {
    // For each byte: how many keys begin with it, then where the next of them goes, at last where they end.
    let mut slots = [0_usize; 256];
    for key in keys {
        if let Some(count) = slots.get_mut(usize::from(first(key))) {
            *count += 1;
        }
    }
    let mut start = 0;
    for slot in &mut slots {
        start += std::mem::replace(slot, start);
    }
    let mut sorted = keys.to_vec();
    for key in keys {
        if let Some(slot) = slots.get_mut(usize::from(first(key))) {
            if let Some(place) = sorted.get_mut(*slot) {
                *place = *key;
            }
            *slot += 1;
        }
    }
    let mut start = 0;
    for end in slots {
        if let Some(bucket @ [_, _, ..]) = sorted.get_mut(start..end) {
            bucket.sort_unstable();
        }
        start = end;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_like_the_library() {
        let mut seed = 1_u64;
        for length in [0, 1, 2, 47, 48, 49, 1_000, 3_000] {
            for mask in [0xff_u64, 0x03, 0x00] {
                let mut keys: Vec<[u8; 4]> = (0..length)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let bytes = (seed >> 40).to_le_bytes();
                        [bytes[0] & mask as u8, bytes[1], bytes[2] & 1, 7]
                    })
                    .collect();
                let mut expected = keys.clone();
                expected.sort();
                expected.dedup();
                sort_keys(&mut keys, |key| key[0]);
                assert_eq!(keys, expected);
            }
        }
    }
}
