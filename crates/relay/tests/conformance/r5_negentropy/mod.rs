//! R5.1: the relay as the answering side of NIP-77, asked by the protocol library's own client.

mod cost;
pub mod initiator;
mod limits;
mod sets;
mod wire;
