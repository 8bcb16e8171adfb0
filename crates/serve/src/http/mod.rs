//! HTTP/1.1 on an accepted socket: WebSocket upgrades on `/`, everything else to the router, whose routes can upgrade too.

mod accept;
mod handover;
mod handshakes;
mod patience;
mod refuse;
mod request;
mod serve;
mod server;
mod streaming;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use crate::config::WebSocketConfig;

pub use request::RequestInfo;
pub use server::{NoSessions, Server};
pub use upgrade::Upgrade;

/// Bounds of the HTTP side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpConfig {
    /// How long a new connection may take for its PROXY protocol header and its TLS handshake.
    pub handshake_timeout: Duration,
    /// TLS handshakes at once; beyond, the one that has taken longest is cut.
    pub handshakes: usize,
    /// How long a client may take for the head of a request, also between requests (against slow-loris).
    pub header_timeout: Duration,
    /// How long a request may take until its answer begins; then 408. 0 = for ever.
    pub request_timeout: Duration,
    /// Most bytes of a request's head; more is answered 431. At least 8 KiB.
    pub max_header_bytes: usize,
    /// Most headers of a request.
    pub max_headers: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            handshakes: 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            max_header_bytes: 16 << 10,
            max_headers: 64,
        }
    }
}

/// Settings of a [`Server`]; a reload concerns connections opened after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerConfig {
    /// The HTTP side.
    pub http: HttpConfig,
    /// WebSocket connections.
    pub websocket: Arc<WebSocketConfig>,
}
