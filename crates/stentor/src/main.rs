//! Stentor: one program for signed events and private messages.

fn main() {}
