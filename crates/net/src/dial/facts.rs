//! What can be seen of a server on the way to it: names, times, TLS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::CommonState;

use super::stream::Stream;

/// A connection, and what was seen while it was made. Each time is that of its step alone: what is waited for before the first, while
/// too many other connections are being made, is in none of them.
#[derive(Debug)]
pub struct Look {
    /// The look-up of the name; `None` for an address, and for a name that a proxy looks up.
    pub lookup: Option<Lookup>,
    /// How long it took to be connected to an address, TCP alone; or to the target through the proxy.
    pub connect: Duration,
    /// TLS; `None` without it.
    pub tls: Option<TlsFacts>,
    /// The other end's address; `None` behind a proxy.
    pub remote: Option<SocketAddr>,
    /// The connection, as [`Dialer::dial`](super::Dialer::dial) makes it.
    pub stream: Stream,
}

/// What a name server says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Its addresses, IPv6 first. Never none.
    pub addresses: Vec<IpAddr>,
    /// Whether these are all of its IPv4 addresses, or it has none: `false` when the name servers did not answer that question.
    pub knows_v4: bool,
    /// The same of its IPv6 addresses. At least one of the two is known.
    pub knows_v6: bool,
    /// The names that it stands for (CNAME), each the alias of the one after it, without a dot at their end. The last has the
    /// addresses.
    pub aliases: Vec<String>,
    /// Seconds for which all of that may be remembered: the least of any record, at most a day.
    pub ttl: Option<u32>,
    /// How long it took.
    pub took: Duration,
}

/// What a TLS handshake shows. Nothing of it comes from a session that was resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: Option<&'static str>,
    /// The cipher suite by its name in the IANA registry.
    pub cipher: Option<String>,
    /// The protocol that was agreed on (ALPN). `http/1.1` is all that is offered.
    pub alpn: Option<String>,
    /// The certificates in DER as the server sent them: its own, then what leads to an authority. None of them has been checked
    /// but as `verified` says.
    pub certificates: Vec<Vec<u8>>,
    /// Whether the certificate stands up: for this name, at this time, from an authority that is trusted, with a key that the
    /// server has; else why not.
    pub verified: Result<(), String>,
    /// How long the handshake took.
    pub took: Duration,
}

impl TlsFacts {
    /// Reads them off a connection whose handshake is done.
    pub(super) fn of(state: &CommonState, verified: Result<(), String>, took: Duration) -> Self {
        let certificates = state.peer_certificates().unwrap_or_default();
        Self {
            version: state.protocol_version().and_then(version),
            cipher: state
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .map(registered),
            alpn: state
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            certificates: certificates.iter().map(|one| one.to_vec()).collect(),
            verified,
            took,
        }
    }
}

/// The common way to write a version.
const fn version(version: rustls::ProtocolVersion) -> Option<&'static str> {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        rustls::ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

/// The registered name of a cipher suite: rustls writes `TLS13_` where the registry has `TLS_`.
fn registered(name: &str) -> String {
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_1_cipher_suites_have_their_registered_names() {
        for (name, expected) in [
            ("TLS13_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
            (
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ),
        ] {
            assert_eq!(registered(name), expected);
        }
    }
}
