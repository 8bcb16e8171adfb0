//! Webhooks (G4).

pub mod schedule;
pub mod sealed;
pub mod signature;
