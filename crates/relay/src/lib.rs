//! The Nostr relay: what clients say and are told, over the connections of `stentor-serve` and a store of `stentor-store`.
//!
//! [`Relay`] is made once over a store. It makes the session of each connection, is told of commits by the store and
//! passes them on ([`fanout`]), and answers plain HTTP requests ([`Relay::routes`]).

pub mod access;
mod answer;
mod aside;
pub mod config;
mod connection;
mod cost;
mod error;
pub mod fanout;
mod holdings;
mod information;
pub mod management;
mod marmot;
mod membership;
mod message;
mod metrics;
pub mod mirror;
mod moderation;
mod nip05;
mod pages;
mod policy;
mod presence;
mod refusal;
pub mod retention;
mod routes;
mod scan;
mod service;
mod slow_query;
mod state;
pub mod sync;
mod trust;
mod work;

pub use config::{Config, ConfigError};
pub use connection::Connection;
pub use error::RelayError;
pub use policy::Source;
pub use service::{Parts, Relay, Ruling};
