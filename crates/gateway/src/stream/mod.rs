//! Streams (G3): what follows the bus for one client, and how it is written.

pub(crate) mod follow;
pub(crate) mod measure;
pub(crate) mod places;
pub(crate) mod sse;
pub(crate) mod ws;
