//! Whatever is accepted as a message is well-formed JSON; whatever is refused gets an answer that is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use stentor_event::{ParseLimits, parse_client_message};

fuzz_target!(|bytes: &[u8]| {
    for limits in [ParseLimits::default(), ParseLimits::NONE] {
        match parse_client_message(bytes, &limits) {
            Ok(_) => assert!(serde_json::from_slice::<Vec<IgnoredAny>>(bytes).is_ok()),
            Err(error) => {
                let mut answer = Vec::new();
                error.write_answer(&mut answer);
                assert!(serde_json::from_slice::<Vec<IgnoredAny>>(&answer).is_ok());
                assert!(answer.len() < 2_048, "an answer stays short");
            }
        }
    }
});
