//! The guards at the doors. Inbound: client addresses behind proxies, and rate limits. Outbound: the dialer that every connection
//! to elsewhere goes through, a small HTTP client on top of it, and when to try again.
//!
//! `client`, `limit` and `retry` read neither clock nor socket: times, header values and random numbers are arguments. In `dial` and
//! `http`, what may be dialed is decided by pure functions; sockets are in files of their own.

pub mod client;
pub mod dial;
pub mod http;
pub mod limit;
pub mod retry;
mod sets;
