//! Sixteen bytes to 32 hex digits and back.

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(crate) use plain::{decode_block, encode_block};
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) use x86::{decode_block, encode_block};

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[allow(unsafe_code)]
mod x86 {
    use core::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128,
        _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_packus_epi16, _mm_set1_epi8,
        _mm_set1_epi16, _mm_slli_epi16, _mm_srli_epi16, _mm_storeu_si128, _mm_sub_epi8,
        _mm_unpackhi_epi8, _mm_unpacklo_epi8,
    };

    /// The bytes that 32 lower-case hex digits stand for, and whether they are all that.
    #[inline]
    pub(crate) fn decode_block(text: &[u8; 32]) -> ([u8; 16], bool) {
        let mut out = [0; 16];
        let (first, second) = text.split_at(16);
        // SAFETY: this module is compiled only where SSE2 is part of the target, so the instructions exist; `first` and `second`
        // are the 16-byte halves of `text`, `out` has 16 bytes, and unaligned loads and stores need no more.
        let valid = unsafe {
            let (low, low_valid) = nibbles(_mm_loadu_si128(first.as_ptr().cast()));
            let (high, high_valid) = nibbles(_mm_loadu_si128(second.as_ptr().cast()));
            _mm_storeu_si128(
                out.as_mut_ptr().cast(),
                _mm_packus_epi16(join(low), join(high)),
            );
            _mm_movemask_epi8(_mm_and_si128(low_valid, high_valid)) == 0xffff
        };
        (out, valid)
    }

    /// The value of each digit, and all bits set where it is one.
    ///
    /// # Safety
    /// Needs SSE2.
    #[inline]
    unsafe fn nibbles(digits: __m128i) -> (__m128i, __m128i) {
        // SAFETY: the caller vouches for SSE2.
        unsafe {
            let number = _mm_sub_epi8(digits, _mm_set1_epi8(0x30));
            let letter = _mm_sub_epi8(digits, _mm_set1_epi8(0x61));
            let is_number = _mm_cmpeq_epi8(_mm_min_epu8(number, _mm_set1_epi8(9)), number);
            let is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
            let letter = _mm_add_epi8(letter, _mm_set1_epi8(10));
            let value = _mm_or_si128(
                _mm_and_si128(is_number, number),
                _mm_and_si128(is_letter, letter),
            );
            (value, _mm_or_si128(is_number, is_letter))
        }
    }

    /// Joins neighbouring values to one byte in each 16-bit lane.
    ///
    /// # Safety
    /// Needs SSE2.
    #[inline]
    unsafe fn join(values: __m128i) -> __m128i {
        // SAFETY: the caller vouches for SSE2.
        unsafe {
            let joined = _mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8));
            _mm_and_si128(joined, _mm_set1_epi16(0x00ff))
        }
    }

    /// The 32 lower-case hex digits of 16 bytes.
    #[inline]
    pub(crate) fn encode_block(bytes: &[u8; 16]) -> [u8; 32] {
        let mut out = [0; 32];
        let (first, second) = out.split_at_mut(16);
        // SAFETY: as above; `bytes` has 16 bytes, and `first` and `second` are the 16-byte halves of `out`.
        unsafe {
            let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
            let mask = _mm_set1_epi8(0x0f);
            let high = digits(_mm_and_si128(_mm_srli_epi16(bytes, 4), mask));
            let low = digits(_mm_and_si128(bytes, mask));
            _mm_storeu_si128(first.as_mut_ptr().cast(), _mm_unpacklo_epi8(high, low));
            _mm_storeu_si128(second.as_mut_ptr().cast(), _mm_unpackhi_epi8(high, low));
        }
        out
    }

    /// The digit of each value below 16.
    ///
    /// # Safety
    /// Needs SSE2.
    #[inline]
    unsafe fn digits(values: __m128i) -> __m128i {
        // SAFETY: the caller vouches for SSE2.
        unsafe {
            let is_letter = _mm_cmpgt_epi8(values, _mm_set1_epi8(9));
            let offset = _mm_add_epi8(
                _mm_set1_epi8(0x30),
                _mm_and_si128(is_letter, _mm_set1_epi8(0x27)),
            );
            _mm_add_epi8(values, offset)
        }
    }
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[cfg_attr(test, allow(dead_code))]
mod plain {
    use crate::hex::{digit, nibble};

    pub(crate) fn decode_block(text: &[u8; 32]) -> ([u8; 16], bool) {
        let mut out = [0; 16];
        let mut seen = 0;
        for (byte, pair) in out.iter_mut().zip(text.as_chunks::<2>().0) {
            let (high, low) = (nibble(pair[0]), nibble(pair[1]));
            seen |= high | low;
            *byte = (high << 4) | (low & 0x0f);
        }
        (out, seen < 16)
    }

    pub(crate) fn encode_block(bytes: &[u8; 16]) -> [u8; 32] {
        let mut out = [0; 32];
        for (pair, byte) in out.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [digit(byte >> 4), digit(byte & 0x0f)];
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_code_agrees() {
        for at in 0..32 {
            for byte in 0..=255_u8 {
                let mut text = *b"0123456789abcdef0123456789abcdef";
                text[at] = byte;
                let (fast, slow) = (decode_block(&text), plain::decode_block(&text));
                assert_eq!(fast.1, slow.1, "{byte} at {at}");
                assert!(!fast.1 || fast.0 == slow.0);
            }
        }
        for byte in 0..=255_u8 {
            let bytes = std::array::from_fn(|at| byte.wrapping_add(at as u8 * 17));
            assert_eq!(encode_block(&bytes), plain::encode_block(&bytes));
        }
    }
}
