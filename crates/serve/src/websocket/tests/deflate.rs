use proptest::prelude::*;

use crate::websocket::deflate::{Agreement, Deflater, InflateError, Inflater};

#[test]
fn r8_4_offers() {
    let agreed = |offer: &str| Agreement::negotiate([offer]).map(|agreement| agreement.server_bits);
    assert_eq!(agreed("permessage-deflate"), Some(None));
    assert_eq!(
        agreed("permessage-deflate; client_max_window_bits"),
        Some(None)
    );
    assert_eq!(
        agreed("x-webkit-deflate-frame, permessage-deflate; client_max_window_bits=10"),
        Some(None)
    );
    assert_eq!(
        agreed("Permessage-Deflate;server_no_context_takeover;server_max_window_bits=\"10\""),
        Some(Some(10))
    );
    assert_eq!(
        agreed("permessage-deflate; server_max_window_bits=16, permessage-deflate"),
        Some(None)
    );
    for declined in [
        "",
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
    ] {
        assert_eq!(agreed(declined), None, "{declined}");
    }
    let answer = Agreement {
        server_bits: Some(10),
    }
    .answer();
    assert_eq!(
        answer,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
    );
    assert_eq!(
        Agreement {
            server_bits: Some(10)
        }
        .max_compressed(),
        1024
    );
}

#[test]
fn r8_4_a_bomb_is_refused_within_the_limit() {
    let bomb = vec![b'a'; 64 << 20];
    let mut deflater = Deflater::default();
    let small = deflater.deflate(9, &[&bomb]).unwrap().to_vec();
    assert!(small.len() < 100_000);
    let mut inflater = Inflater::default();
    assert_eq!(
        inflater.inflate(&small, 512 << 10).unwrap_err(),
        InflateError::TooBig
    );
    assert!(inflater.capacity() <= 2 * (512 << 10));
    assert_eq!(inflater.inflate(&small, 64 << 20).unwrap().len(), 64 << 20);
}

#[test]
fn the_examples_of_the_rfc() {
    let mut inflater = Inflater::default();
    // 7.2.3.1, 7.2.3.3 (no compression) and 7.2.3.4 (final block).
    for example in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        // 7.2.3.5: two blocks.
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ] {
        assert_eq!(inflater.inflate(example, 100).unwrap(), b"Hello");
    }
    assert_eq!(inflater.inflate(&[], 100).unwrap(), b"");
    assert_eq!(
        inflater.inflate(&[0x07, 0xff, 0xff], 100).unwrap_err(),
        InflateError::Corrupt
    );
}

proptest! {
    #[test]
    fn r8_4_round_trip(parts in prop::collection::vec(prop::collection::vec(0u8..8, 0..3000), 1..5), level in 1u32..10) {
        let (mut deflater, mut inflater) = (Deflater::default(), Inflater::default());
        let whole = parts.concat();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        // Twice: nothing may be left from the first message.
        for _ in 0..2 {
            if let Some(small) = deflater.deflate(level, &parts) {
                prop_assert!(small.len() < whole.len());
                prop_assert_eq!(inflater.inflate(small, whole.len()).unwrap(), &whole[..]);
                if !whole.is_empty() {
                    prop_assert_eq!(inflater.inflate(small, whole.len() - 1), Err(InflateError::TooBig));
                }
            }
        }
    }

    #[test]
    fn garbage_never_exceeds_the_limit(data in prop::collection::vec(any::<u8>(), 0..500)) {
        let mut inflater = Inflater::default();
        if let Ok(out) = inflater.inflate(&data, 1000) {
            prop_assert!(out.len() <= 1000);
        }
    }
}
