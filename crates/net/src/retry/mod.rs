//! When to try again: back-off between the attempts of one client, and a breaker that keeps all clients from a host that fails.

mod backoff;
mod breaker;

pub use backoff::Backoff;
pub use breaker::{Breaker, Breakers, Open};
