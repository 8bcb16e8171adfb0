//! The two loops that decide how fast text becomes events and filters: finding the end of a JSON string, and hexadecimal. Both use
//! SSE2, which every x86-64 has, and plain code elsewhere.

mod hex;
mod string;

pub(crate) use hex::{decode_block, encode_block};
pub(crate) use string::find_special;
