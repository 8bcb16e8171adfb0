//! HTTP, as far as a relay needs it: the head of a request, documents, and the way to WebSocket.

mod document;
mod head;
mod respond;

pub(crate) use document::{Profile, information};
pub(crate) use head::read_head;
pub(crate) use respond::{Response, switch};
