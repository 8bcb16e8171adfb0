//! What happens in a node, for programs: streams over SSE, the history, jobs, and webhooks.
//!
//! Everything is read from the bus ([`stentor_bus::Bus`]) by one kind of reader, for a principal that `stentor_auth` has made of
//! whatever the client has shown. Nothing here decides who may see an envelope: the bus does, for the audience that the
//! principal is (`state.rs`).

mod asked;
mod audit;
pub mod config;
mod door;
mod extract;
mod failure;
mod history;
mod jobs;
mod reference;
mod routes;
mod state;
mod stream;
mod telemetry;
mod tickets;
mod tokens;
#[doc(hidden)]
pub mod untrusted;
pub mod webhook;

pub use asked::{Query, QueryError};
pub use config::Config;
pub use routes::Addition;
pub use state::{Gateway, Parts};
pub use webhook::Webhooks;
