//! The guards at the doors: client addresses behind proxies, and rate limits.
//!
//! Nothing here reads a clock or a socket: times and header values are arguments.

pub mod client;
pub mod limit;
