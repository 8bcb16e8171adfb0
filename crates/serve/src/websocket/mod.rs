//! The server's side of RFC 6455 and RFC 7692, without I/O.

pub mod close;
pub mod deflate;
pub mod frame;
pub mod handshake;
pub mod message;

#[cfg(test)]
mod tests;
