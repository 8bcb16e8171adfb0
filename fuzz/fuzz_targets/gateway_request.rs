//! Whatever a client of the gateway asks for: no panic, and a cursor that is taken is the one that was sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stentor_bus::Cursor;
use stentor_gateway::untrusted::{frame, query};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
    if let Some(asked) = frame(text) {
        query(&asked);
    }
});
