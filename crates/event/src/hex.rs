//! Lower-case hexadecimal without tables or branches, in loops that compilers turn into vector code.

/// Value of one lower-case hex digit, or a number above 15.
const fn nibble(digit: u8) -> u8 {
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

const fn digit(nibble: u8) -> u8 {
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
    let mut out = [0_u8; N];
    let mut seen = 0_u8;
    for (byte, pair) in out.iter_mut().zip(text.as_chunks::<2>().0) {
        let (high, low) = (nibble(pair[0]), nibble(pair[1]));
        seen |= high | low;
        *byte = (high << 4) | (low & 0x0f);
    }
    (seen < 16).then_some(out)
}

/// Decodes digits that are known to be valid, such as those of a stored event.
#[inline]
pub(crate) fn decode_trusted<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut out = [0_u8; N];
    for (byte, pair) in out.iter_mut().zip(text.as_chunks::<2>().0) {
        let value = |digit: u8| (digit & 0x0f).wrapping_add((digit >> 6).wrapping_mul(9));
        *byte = (value(pair[0]) << 4) | (value(pair[1]) & 0x0f);
    }
    out
}

/// Decodes lower-case hex of any even length.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut seen = 0_u8;
    let out = pairs
        .iter()
        .map(|pair| {
            let (high, low) = (nibble(pair[0]), nibble(pair[1]));
            seen |= high | low;
            (high << 4) | (low & 0x0f)
        })
        .collect();
    (seen < 16).then_some(out)
}

/// Appends the lower-case hex of `bytes`.
pub fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

/// Lower-case hex of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [char::from(digit(byte >> 4)), char::from(digit(byte & 0x0f))])
        .collect()
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
