use proptest::prelude::*;

use crate::websocket::frame::{HeaderError, Opcode, parse_header, unmask, write_header};

#[test]
fn lengths_have_one_form() {
    let error = |bytes: &[u8]| parse_header(bytes).unwrap_err();
    assert_eq!(
        error(&[0x81, 0xfe, 0, 125, 0, 0, 0, 0]),
        HeaderError::Length
    );
    assert_eq!(
        error(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
        HeaderError::Length
    );
    assert_eq!(
        error(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0]),
        HeaderError::Length
    );
}

#[test]
fn refused_from_the_first_two_bytes() {
    for (first, second, error) in [
        (0xa1, 0x80, HeaderError::ReservedBits),
        (0x91, 0x80, HeaderError::ReservedBits),
        (0x83, 0x80, HeaderError::Opcode),
        (0x8b, 0x80, HeaderError::Opcode),
        (0x81, 0x01, HeaderError::NotMasked),
        (0x09, 0x80, HeaderError::Control),
        (0xc9, 0x80, HeaderError::Control),
        (0x89, 0xfe, HeaderError::Control),
        (0x88, 0xff, HeaderError::Control),
    ] {
        assert_eq!(
            parse_header(&[first, second]),
            Err(error),
            "{first:x} {second:x}"
        );
    }
}

proptest! {
    #[test]
    fn headers_round_trip(length in prop_oneof![0usize..200, 65_400usize..65_700, any::<u32>().prop_map(|n| n as usize)], mask: [u8; 4], compressed: bool) {
        let mut bytes = Vec::new();
        write_header(&mut bytes, Opcode::Text, compressed, length);
        bytes[1] |= 0x80;
        bytes.extend_from_slice(&mask);
        for cut in 0..bytes.len() {
            prop_assert_eq!(parse_header(&bytes[..cut]), Ok(None));
        }
        let header = parse_header(&bytes).unwrap().unwrap();
        prop_assert_eq!((header.payload, header.mask, header.rsv1, header.fin), (length as u64, mask, compressed, true));
        prop_assert_eq!(header.size, bytes.len());
    }

    #[test]
    fn masking_is_byte_by_byte(payload in prop::collection::vec(any::<u8>(), 0..100), mask: [u8; 4]) {
        let expected: Vec<u8> = payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
        let mut masked = payload;
        unmask(&mut masked, mask);
        prop_assert_eq!(masked, expected);
    }
}
