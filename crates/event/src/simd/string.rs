//! Finding the next byte of a JSON string that is not plain text: a quote, a backslash or a control character.
//! Sixteen bytes at a time on x86-64, eight elsewhere.

/// Offset of the first quote, backslash or byte below 0x20 in `text` at or after `from`; the length when there is none.
#[inline]
pub(crate) fn find_special(text: &[u8], from: usize) -> usize {
    let Some(rest) = text.get(from..) else {
        return text.len();
    };
    let (blocks, tail) = rest.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        if let Some(offset) = first_special(block) {
            return from + number * BLOCK + offset;
        }
    }
    let start = text.len() - tail.len();
    tail.iter()
        .position(|&byte| is_special(byte))
        .map_or(text.len(), |offset| start + offset)
}

#[inline]
const fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use x86::{BLOCK, first_special};

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use swar::{BLOCK, first_special};

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[allow(unsafe_code)]
mod x86 {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };

    pub(super) const BLOCK: usize = 16;

    #[inline]
    pub(super) fn first_special(block: &[u8; BLOCK]) -> Option<usize> {
        // SAFETY: this module is compiled only where SSE2 is part of the target, so the instructions exist, and the unaligned
        // load reads the 16 bytes of the array.
        let mask = unsafe {
            let bytes = _mm_loadu_si128(block.as_ptr().cast::<__m128i>());
            let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
            let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5c));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control))
        };
        (mask != 0).then(|| mask.trailing_zeros() as usize)
    }
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[cfg_attr(test, allow(dead_code))]
mod swar {
    pub(super) const BLOCK: usize = 8;
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;

    /// High bit set in the lowest byte that is below `limit` (and perhaps in higher ones).
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(ONES * limit as u64) & !word & HIGH
    }

    #[inline]
    pub(super) fn first_special(block: &[u8; BLOCK]) -> Option<usize> {
        let word = u64::from_le_bytes(*block);
        let quote = below(word ^ (ONES * b'"' as u64), 1);
        let backslash = below(word ^ (ONES * b'\\' as u64), 1);
        let found = quote | backslash | below(word, 0x20);
        (found != 0).then(|| found.trailing_zeros() as usize / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_loop_finds() {
        for length in 0..70 {
            for at in 0..length {
                for byte in 0..=255_u8 {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    text[length - 1] = if at == length - 1 { byte } else { 0xf0 };
                    let expected = text
                        .iter()
                        .position(|&byte| is_special(byte))
                        .unwrap_or(length);
                    assert_eq!(find_special(&text, 0), expected);
                }
            }
        }
    }

    #[test]
    fn the_portable_search_agrees() {
        for at in 0..8 {
            for byte in 0..=255_u8 {
                for filler in [b'x', 0x80, 0xff, b'!'] {
                    let mut block = [filler; 8];
                    block[at] = byte;
                    assert_eq!(
                        swar::first_special(&block),
                        is_special(byte).then_some(at),
                        "{byte} at {at}"
                    );
                }
            }
        }
    }
}
