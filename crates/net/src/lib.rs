//! The guards at the doors: client addresses behind proxies, and rate limits.

pub mod client;
