//! Messages between clients and relays (NIP-01, 42, 45, 67, 77).

pub(crate) mod answer;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod limits;
pub mod relay;
pub mod request;
pub(crate) mod subscription;
#[cfg(test)]
mod tests;
