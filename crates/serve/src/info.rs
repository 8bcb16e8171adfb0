//! What is known of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use stentor_net::client::IpScope;

/// What is known of a connection when it is opened; does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Unique in this process.
    pub id: u64,
    /// The other end: the client, or a proxy that speaks HTTP; where the PROXY protocol is spoken, whom its header names. A Unix
    /// socket's is `127.0.0.1:0`.
    pub peer: SocketAddr,
    /// Our end of the socket; `None` for a Unix socket.
    pub local: Option<SocketAddr>,
    /// The client's address: the peer's, or what a trusted proxy says.
    pub client: IpAddr,
    /// What limits by address count it under.
    pub scope: IpScope,
    /// Whether the client's side of the connection is encrypted (TLS here, or at a trusted proxy).
    pub secure: bool,
    /// The configured name of the listener.
    pub listener: Arc<str>,
    /// Whether permessage-deflate was agreed on.
    pub deflate: bool,
}
