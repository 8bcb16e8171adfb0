//! What is known of a request beside what it says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use stentor_net::client::{ForwardHeader, IpScope, TrustedProxies};

/// What is known of a request's connection; an extension of every request that reaches the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// The other end of the socket: the client, or a proxy.
    pub peer: SocketAddr,
    /// Our end of the socket.
    pub local: SocketAddr,
    /// The client's address: the peer's, or what a trusted proxy says.
    pub client: IpAddr,
    /// What limits by address count it under.
    pub scope: IpScope,
    /// Whether the client's side of the connection is encrypted, as far as a trusted proxy says.
    pub secure: bool,
    /// The configured name of the listener.
    pub listener: Arc<str>,
}

/// The two ends of a socket.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) listener: Arc<str>,
}

impl RequestInfo {
    pub(super) fn new(ends: &Ends, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let peer = ends.peer.ip().to_canonical();
        let trusted = proxies.trusts(peer);
        let values: Vec<&str> = headers
            .get_all(proxies.header.name())
            .iter()
            .map(|value| value.to_str().unwrap_or(""))
            .collect();
        let client = proxies.client(peer, values.iter().copied());
        Self {
            peer: ends.peer,
            local: ends.local,
            client,
            scope: IpScope::from(client),
            secure: trusted && says_https(proxies.header, headers, &values),
            listener: Arc::clone(&ends.listener),
        }
    }
}

/// Whether the proxy nearest to us says that it was reached by HTTPS.
fn says_https(header: ForwardHeader, headers: &HeaderMap, values: &[&str]) -> bool {
    let is_https = |text: &str| {
        matches!(
            text.trim().trim_matches('"').to_ascii_lowercase().as_str(),
            "https" | "wss"
        )
    };
    match header {
        ForwardHeader::XForwardedFor => {
            let last = headers
                .get_all("x-forwarded-proto")
                .iter()
                .next_back()
                .and_then(|value| value.to_str().ok());
            last.and_then(|value| value.rsplit(',').next())
                .is_some_and(is_https)
        }
        ForwardHeader::Forwarded => {
            let last = values
                .last()
                .and_then(|value| value.rsplit(',').next())
                .unwrap_or("");
            let mut pairs = last.split(';').filter_map(|pair| pair.split_once('='));
            pairs.any(|(name, value)| name.trim().eq_ignore_ascii_case("proto") && is_https(value))
        }
    }
}
