//! What happens in a node, for programs.

pub mod webhook;
