//! Everything that happens in a node, as envelopes that programs can follow.
//!
//! # Two logs
//!
//! The change feed of the relay's store ([`Log::Nostr`]) and the outbox of the records ([`Log::Records`]), each with positions
//! of its own, dense and in the order of commits. For the first nothing is written: its envelopes are made when they are read,
//! and what is gone by then is not shown. The second is written by whoever changes the records, in the transaction that
//! does so ([`append`], [`Bus::publish`]). Ephemeral events are in neither; who is live gets them.
//!
//! # One way to read
//!
//! A [`Reader`] gives everything behind a [`Cursor`] once and in the order of each log, then goes on with what happens. Who may
//! see what is decided in one place, for each reader and envelope (`selection.rs`). A cursor that does not fit any more, as
//! what it points to is older than is kept or in logs that are not these, is an error that says where the reader can go on.
//!
//! Whoever publishes waits for no reader. A live reader has a bounded queue; when that is full, the reader is told how much
//! it misses, and may come back with its cursor to get it from the logs.
//!
//! # Several nodes
//!
//! The log of the records is common to the nodes on one database: a [`Transport`] tells them of each other's entries, and
//! without one that reaches so far they look now and then. The log of Nostr is that of the node's own store.

mod again;
mod bus;
mod config;
mod cursor;
mod entry;
mod envelope;
mod error;
mod event_schema;
mod event_type;
mod feed;
mod hub;
pub mod jobs;
mod measure;
mod oldest;
mod outbox;
mod queue;
mod reader;
mod run;
mod selection;
mod tail;
mod transport;

pub use again::Again;
pub use bus::{Bus, From};
pub use config::Config;
pub use cursor::{Cursor, NoCursor, Place};
pub use envelope::{Data, Envelope, new_id, rfc3339};
pub use error::{BusError, ReadError};
pub use event_type::{EventType, Family, Log};
pub use outbox::{Draft, append, close, migrate};
pub use reader::{Delivery, Reader};
pub use selection::{Audience, Breadth, Interest};
pub use transport::{InProcess, News, NewsFuture, Transport};
