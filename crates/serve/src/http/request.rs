//! What is known of a request beside what it says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use stentor_net::client::{ForwardHeader, IpScope, TrustedProxies};

use crate::listener::ListenerSettings;
use crate::proxy_protocol::Named;
use crate::stream::{Socket, UNIX_PEER};

/// What is known of a request's connection; an extension of every request that reaches the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// The other end: the client, or a proxy that speaks HTTP; where the PROXY protocol is spoken, whom its header names. A Unix
    /// socket's is `127.0.0.1:0`.
    pub peer: SocketAddr,
    /// Our end of the socket; `None` for a Unix socket.
    pub local: Option<SocketAddr>,
    /// The client's address: the peer's, or what a trusted proxy says.
    pub client: IpAddr,
    /// What limits by address count it under.
    pub scope: IpScope,
    /// Whether the client's side of the connection is encrypted: TLS here, or at a trusted proxy as far as that says so.
    pub secure: bool,
    /// The configured name of the listener.
    pub listener: Arc<str>,
}

/// The two ends of a connection.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    local: Option<SocketAddr>,
    pub(super) listener: Arc<str>,
    /// Whether the peer is a proxy whose word is taken.
    pub(super) trusted: bool,
    /// Whether TLS is spoken here.
    tls: bool,
}

impl Ends {
    /// Those of an accepted socket; `None` when it is gone already.
    pub(super) fn of(
        socket: &Socket,
        listener: &Arc<str>,
        settings: &ListenerSettings,
    ) -> Option<Self> {
        let (peer, local, trusted) = match socket {
            Socket::Tcp(tcp) => {
                let peer = tcp.peer_addr().ok()?;
                let trusted = settings.proxies.trusts(peer.ip());
                (peer, Some(tcp.local_addr().ok()?), trusted)
            }
            Socket::Unix(_) => (UNIX_PEER, None, settings.proxies.unix),
        };
        Some(Self {
            peer,
            local,
            listener: Arc::clone(listener),
            trusted,
            tls: settings.tls.is_some(),
        })
    }

    /// Puts whom the PROXY protocol names in the place of the peer. Forwarding headers then come from there: they are believed if
    /// that, in turn, is a trusted proxy. Nobody can be one.
    pub(super) fn name(&mut self, named: Named, proxies: &TrustedProxies) {
        if let Named::Client(client) = named {
            self.peer = client;
            self.trusted = proxies.trusts(client.ip());
        } else {
            self.trusted = false;
        }
    }
}

impl RequestInfo {
    pub(super) fn new(ends: &Ends, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let peer = ends.peer.ip().to_canonical();
        let (mut client, mut secure) = (peer, ends.tls);
        if ends.trusted {
            let values: Vec<&str> = headers
                .get_all(proxies.header.name())
                .iter()
                .map(|value| value.to_str().unwrap_or(""))
                .collect();
            client = proxies.client_behind(peer, values.iter().copied());
            secure |= says_https(proxies.header, headers, &values);
        }
        Self {
            peer: ends.peer,
            local: ends.local,
            client,
            scope: IpScope::from(client),
            secure,
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
