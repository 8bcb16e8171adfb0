//! The PROXY protocol's header: no bytes break the parser, it never asks for nothing, and reading in the steps that it asks for
//! comes to an end within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_serve::proxy_protocol::{Parsed, parse};

fuzz_target!(|data: &[u8]| {
    let mut seen = 0;
    while let Some(bytes) = data.get(..seen) {
        match parse(bytes) {
            Ok(Parsed::Needs(more)) => {
                assert!(more > 0);
                seen += more;
                assert!(seen <= 16 + 4096);
            }
            Ok(Parsed::Whole(_)) | Err(_) => break,
        }
    }
});
