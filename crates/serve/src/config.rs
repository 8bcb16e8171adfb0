//! Settings of WebSocket connections. A reload concerns connections opened after it.

use std::time::Duration;

use crate::outbox::OutboxLimits;

/// Settings of WebSocket connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// Most bytes of a message, after decompression; more closes with 1009. 0 = no limit.
    pub max_message: usize,
    /// Bounds of the outbound queue.
    pub outbox: OutboxLimits,
    /// Unsent bytes at which a session is told to pause ([`crate::SessionIo::has_room`]).
    pub write_room: usize,
    /// Silence of the client after which it is pinged; 0 = never.
    pub ping_interval: Duration,
    /// Further silence after which the connection is closed with 1011.
    pub pong_timeout: Duration,
    /// How long the socket may refuse to take any byte before the connection is cut; 0 = for ever. Before the upgrade too.
    pub write_timeout: Duration,
    /// How long to wait for the client's side of the close handshake.
    pub close_timeout: Duration,
    /// Whether permessage-deflate is offered.
    pub deflate: bool,
    /// Compression level, 1 (fast) to 9.
    pub deflate_level: u32,
    /// Messages below this many bytes are sent uncompressed.
    pub deflate_min: usize,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            max_message: 512 << 10,
            outbox: OutboxLimits::default(),
            write_room: 256 << 10,
            ping_interval: Duration::from_secs(45),
            pong_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            close_timeout: Duration::from_secs(5),
            deflate: true,
            deflate_level: 1,
            deflate_min: 128,
        }
    }
}
