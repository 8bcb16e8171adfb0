//! Messages between clients and relays (NIP-01, 42, 45, 67, 77).

pub(crate) mod client;
pub(crate) mod error;
pub mod relay;
#[cfg(test)]
mod tests;
