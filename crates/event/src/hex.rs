//! Lower-case hexadecimal.

use crate::simd::{decode_block, encode_block};

/// Value of one lower-case hex digit, or a number above 15.
pub(crate) const fn nibble(digit: u8) -> u8 {
    let number = digit.wrapping_sub(b'0');
    let letter = digit.wrapping_sub(b'a');
    if number < 10 {
        number
    } else if letter < 6 {
        letter + 10
    } else {
        0xff
    }
}

/// The lower-case digit of a number below 16.
pub(crate) const fn digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}

/// Decodes exactly `2 * N` lower-case hex digits; upper case and any other byte give `None`.
#[inline]
pub fn decode_array<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    decode_to(text, &mut out).then_some(out)
}

/// Decodes digits that are known to be valid, such as those of a stored event. Others give bytes without a meaning.
#[inline]
pub(crate) fn decode_trusted<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    decode_to(text, &mut out);
    out
}

/// Decodes lower-case hex of any even length.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 2];
    (text.len().is_multiple_of(2) && decode_to(text, &mut out)).then_some(out)
}

/// Fills `out` as far as `text` goes; whether all digits were valid.
#[inline]
fn decode_to(text: &[u8], out: &mut [u8]) -> bool {
    let (blocks, digits) = text.as_chunks::<32>();
    let (out_blocks, out) = out.as_chunks_mut::<16>();
    let mut valid = true;
    for (text, out) in blocks.iter().zip(out_blocks) {
        let (bytes, block_valid) = decode_block(text);
        *out = bytes;
        valid &= block_valid;
    }
    for (pair, byte) in digits.as_chunks::<2>().0.iter().zip(out) {
        let (high, low) = (nibble(pair[0]), nibble(pair[1]));
        valid &= (high | low) < 16;
        *byte = (high << 4) | (low & 0x0f);
    }
    valid
}

/// Appends the lower-case hex of `bytes`.
#[inline]
pub fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    let (blocks, rest) = bytes.as_chunks::<16>();
    for block in blocks {
        out.extend_from_slice(&encode_block(block));
    }
    for byte in rest {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

/// Lower-case hex of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    encode_into(bytes, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_1_only_lower_case_hex_of_the_exact_length_is_read() {
        assert_eq!(decode_array::<2>(b"00ff"), Some([0, 255]));
        assert_eq!(decode_array::<2>(b"00fF"), None);
        assert_eq!(decode_array::<2>(b"00f"), None);
        assert_eq!(decode_array::<2>(b"00ff0"), None);
        for byte in 0..=255_u8 {
            let valid = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert_eq!(decode_array::<1>(&[b'0', byte]).is_some(), valid, "{byte}");
            assert_eq!(decode(&[byte, b'0']).is_some(), valid, "{byte}");
        }
    }

    #[test]
    fn encoding_and_decoding_are_inverse() {
        let all: Vec<u8> = (0..=255).collect();
        let text = encode(&all);
        let mut buffer = Vec::new();
        encode_into(&all, &mut buffer);
        assert_eq!(buffer, text.as_bytes());
        assert_eq!(decode(text.as_bytes()).as_deref(), Some(all.as_slice()));
        assert_eq!(
            decode_array::<256>(text.as_bytes()).map(Vec::from),
            Some(all.clone())
        );
        assert_eq!(decode_trusted::<256>(text.as_bytes()).to_vec(), all);
    }
}
