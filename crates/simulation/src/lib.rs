//! A network of small simulated relays on loopback, in one process: deterministic by a seed, with a known ground truth.
//!
//! Each relay has a [`Character`]: it is honest, or it caps, lies, floods, stays mute … What its character means on the wire is
//! data (`manners`), which one connection handler goes by, and what a patient client can get from it is worked out from the same
//! data ([`Truth`]), so that a test can demand exactly that. Relays, events and who has which come from the seed alone; only ports
//! are the system's, so that URLs, and the ids of events that name them, differ from run to run.
//!
//! Beside the network there are [`Tripwire`], a listener that must stay untouched, and [`Names`], a name server with a table.
//!
//! All of it listens on loopback only.

mod asking;
mod authority;
mod character;
mod dice;
mod events;
mod manners;
mod names;
mod network;
mod relay;
mod spec;
mod tripwire;
mod truth;
mod wire;

pub use asking::{Repeated, repeated};
pub use character::{Character, UnknownCharacter};
pub use names::{Names, Record};
pub use network::Network;
pub use relay::{Asked, Relay};
pub use spec::Spec;
pub use tripwire::Tripwire;
pub use truth::{Hole, Reason, Truth};
