//! A set of places (0 to 65,535) in the bytes of a column (O3.3).
//!
//! The first byte says the form; the writer takes the shorter one. `1`: gaps between neighbours, as varints: few places, far apart,
//! take two bytes each. `2`: the portable format of Roaring bitmaps, with runs: many places take an eighth of a byte, or less. `3`:
//! of a set within another, that it is all of that.

use roaring::RoaringBitmap;

use super::varint;

const GAPS: u8 = 1;
const ROARING: u8 = 2;
const ALL: u8 = 3;
/// Above so many places, gaps cannot be shorter than a plain bitmap.
const MOST_GAPS: u64 = 8_192;

/// The bytes of a set.
pub(super) fn encode(set: &mut RoaringBitmap) -> Vec<u8> {
    set.optimize();
    let mut out = vec![GAPS];
    if set.len() <= MOST_GAPS {
        let mut next = 0;
        for place in &*set {
            varint::put(&mut out, u64::from(place - next));
            next = place + 1;
        }
        if out.len() <= set.serialized_size() + 1 {
            return out;
        }
        out.clear();
        out.push(ROARING);
    } else {
        out = vec![ROARING];
    }
    // Writing to a vector does not fail.
    let _ = set.serialize_into(&mut out);
    out
}

/// The bytes of a set within another; `None` for the empty one.
pub(super) fn encode_within(set: &mut RoaringBitmap, whole: &RoaringBitmap) -> Option<Vec<u8>> {
    match set.len() {
        0 => None,
        all if all == whole.len() => Some(vec![ALL]),
        _ => Some(encode(set)),
    }
}

/// The set of these bytes; `None` when they are none.
pub(super) fn decode(bytes: &[u8]) -> Option<RoaringBitmap> {
    let (&form, rest) = bytes.split_first()?;
    match form {
        GAPS => gaps(rest),
        ROARING => {
            let set = RoaringBitmap::deserialize_from(rest).ok()?;
            (set.max().unwrap_or(0) <= u32::from(u16::MAX)).then_some(set)
        }
        _ => None,
    }
}

/// The set of these bytes within another.
pub(super) fn decode_within(bytes: Option<&[u8]>, whole: &RoaringBitmap) -> Option<RoaringBitmap> {
    match bytes {
        None => Some(RoaringBitmap::new()),
        Some([ALL]) => Some(whole.clone()),
        Some(bytes) => decode(bytes),
    }
}

fn gaps(mut bytes: &[u8]) -> Option<RoaringBitmap> {
    let mut set = RoaringBitmap::new();
    let mut next = 0_u64;
    while !bytes.is_empty() {
        let place = next.checked_add(varint::take(&mut bytes)?)?;
        let place16 = u16::try_from(place).ok()?;
        set.try_push(u32::from(place16)).ok()?;
        next = place + 1;
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(places: impl IntoIterator<Item = u32>) -> RoaringBitmap {
        places.into_iter().collect()
    }

    #[test]
    fn o3_3_each_distribution_takes_the_shorter_form() {
        let size = |mut set: RoaringBitmap| encode(&mut set).len();
        assert_eq!(size(set([])), 1);
        assert!(size(set([40_000])) <= 4);
        assert!(size(set((0..65_536).step_by(655))) <= 1 + 2 * 101);
        assert!(size(set(0..65_536)) < 32, "a run");
        assert!(size(set((0..65_536).step_by(2))) < 8_300, "a bitmap");
    }

    proptest! {
        #[test]
        fn o3_3_sets_come_back(places in proptest::collection::btree_set(0_u32..65_536, 0..2_000),
                               run in 0_u32..40_000, long in 0_u32..9_000, part in any::<u8>()) {
            let mut whole = set(places);
            whole.insert_range(run..run + long);
            let mut within = set(whole.iter().filter(|place| (place % 251) as u8 >= part));
            let (bytes, inner) = (encode(&mut whole), encode_within(&mut within, &whole));
            prop_assert_eq!(decode(&bytes), Some(whole.clone()));
            prop_assert_eq!(decode_within(inner.as_deref(), &whole), Some(within));
        }

        #[test]
        fn o3_3_bytes_that_are_no_set_are_refused(bytes: Vec<u8>) {
            if let Some(set) = decode(&bytes) {
                prop_assert!(set.max().unwrap_or(0) <= 65_535);
            }
        }
    }
}
