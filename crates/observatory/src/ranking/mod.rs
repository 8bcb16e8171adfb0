//! Which relays a client should use (O4.6): a score whose parts are shown, a list of what is alive, and how much of an author's
//! events each relay delivers.
//!
//! `score` is pure: what is known of a relay becomes parts from 0 to 1, each with its weight. What was not tested is not held against
//! a relay: it is left out, and its weight with it. `alive` reads the relays that are online and orders them. `delivery` looks for an
//! author's newest events among what relays hold, and says in which order a client should ask them.

mod alive;
mod delivery;
mod score;
mod suggestion;
#[cfg(test)]
mod tests;

pub use alive::{AliveQuery, Ranked};
pub(crate) use alive::{alive, score_of};
pub use delivery::Deliveries;
pub(crate) use delivery::deliveries;
pub(crate) use score::Part;
#[cfg(test)]
pub(crate) use score::Score;
