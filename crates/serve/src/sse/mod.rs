//! Server-Sent Events (WHATWG HTML, section 9.2): what is written, and streams of it.

mod connection;
mod encode;
mod feed;
mod response;

pub(crate) use connection::{Framing, StreamEnd, Streaming};
pub use encode::{EncodeError, Event, Events};
pub(crate) use response::Slot;
pub use response::{EventStream, StreamConfig, refused_for_now};
