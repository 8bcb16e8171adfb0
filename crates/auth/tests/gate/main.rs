//! The authenticator from outside: every credential, on both databases, with issuers that are real servers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;
mod foreign;
mod introspection;
mod keys;
mod nostr;
mod running;
mod tickets;
mod tokens;
