//! Where a connection has arrived, as far as that is evidence.

use std::net::{IpAddr, SocketAddr};

use stentor_event::normalize_relay_url;

/// The names under which a client may have meant this relay, for one connection (R1.11).
///
/// With public URLs configured, these count and nothing else. With none, a URL counts when its port is that of the
/// connection's own local address and its host is that address, or localhost. What the client says in its `Host`
/// header is no evidence: another relay could have passed our challenge on to a client that connected to *it*.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The configured public URLs, normalised by [`normalize_relay_url`].
    pub public_urls: &'a [String],
    /// The local end of the connection; `None` for a Unix socket.
    pub local: Option<SocketAddr>,
}

impl Place<'_> {
    /// Whether this URL names this relay.
    pub fn is_named_by(&self, url: &str) -> bool {
        let Some(url) = normalize_relay_url(url) else {
            return false;
        };
        if !self.public_urls.is_empty() {
            return self.public_urls.contains(&url);
        }
        let Some((host, port)) = host_and_port(&url) else {
            return false;
        };
        self.local.is_none_or(|local| local.port() == port) && self.is_own_host(host)
    }

    /// Whether this host, as written in a URL, is localhost or the connection's local address.
    fn is_own_host(&self, host: &str) -> bool {
        if host == "localhost" {
            return true;
        }
        let literal = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let Ok(ip) = literal.parse::<IpAddr>() else {
            return false;
        };
        let ip = ip.to_canonical();
        ip.is_loopback()
            || self
                .local
                .is_some_and(|local| local.ip().to_canonical() == ip)
    }
}

/// The normalised URLs under which a listener at this address is met without a public URL: those that [`Place`] then lets
/// count. For requests to vanish (NIP-62), whose store knows no connection.
pub fn local_urls(listener: SocketAddr) -> Vec<String> {
    let port = listener.port();
    let own =
        Some(listener.ip().to_canonical()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback());
    let own = own.map(|ip| SocketAddr::new(ip, port).to_string());
    let local = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}"));
    let urls = local
        .into_iter()
        .chain(own)
        .map(|authority| format!("ws://{authority}"));
    urls.filter_map(|url| normalize_relay_url(&url)).collect()
}

/// The host and the port of a normalised URL, with the scheme's own port when it names none.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let default = match scheme {
        "ws" | "http" => 80,
        "wss" | "https" => 443,
        _ => return None,
    };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok()?)),
        _ => Some((authority, default)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(urls: &'a [String], local: &str) -> Place<'a> {
        Place {
            public_urls: urls,
            local: local.parse().ok(),
        }
    }

    #[test]
    fn r1_11_public_urls_alone_count_when_configured() {
        let urls = [normalize_relay_url("wss://relay.example.com").unwrap()];
        let place = place(&urls, "127.0.0.1:7447");
        assert!(place.is_named_by("wss://relay.example.com"));
        assert!(place.is_named_by("wss://Relay.Example.com/"));
        assert!(place.is_named_by("wss://relay.example.com:443/"));
        assert!(!place.is_named_by("wss://other.example.com"));
        assert!(!place.is_named_by("ws://localhost:7447"));
        assert!(!place.is_named_by("ws://127.0.0.1:7447"));
    }

    #[test]
    fn r1_11_without_urls_only_localhost_and_the_local_address() {
        let local = place(&[], "127.0.0.1:7447");
        assert!(local.is_named_by("ws://localhost:7447"));
        assert!(local.is_named_by("ws://127.0.0.1:7447/"));
        assert!(local.is_named_by("ws://[::1]:7447/"));
        assert!(
            !local.is_named_by("ws://localhost:7448"),
            "another program on this machine"
        );
        assert!(!local.is_named_by("ws://relay.example.com:7447"));
        assert!(!local.is_named_by("ws://10.0.0.9:7447"));
        let lan = place(&[], "10.0.0.9:80");
        assert!(lan.is_named_by("ws://10.0.0.9"));
        assert!(!lan.is_named_by("wss://10.0.0.9"));
        assert!(!lan.is_named_by("ws://10.0.0.8"));
    }

    #[test]
    fn r1_11_ipv6_and_mapped_addresses() {
        assert!(place(&[], "[::ffff:10.0.0.9]:7447").is_named_by("ws://10.0.0.9:7447"));
        assert!(place(&[], "[2001:db8::1]:7447").is_named_by("ws://[2001:db8::1]:7447"));
        assert!(!place(&[], "[2001:db8::1]:7447").is_named_by("ws://[2001:db8::2]:7447"));
    }

    #[test]
    fn r1_11_the_urls_of_a_listener_name_it() {
        for address in [
            "127.0.0.1:7447",
            "0.0.0.0:80",
            "10.0.0.9:7447",
            "[2001:db8::1]:7447",
        ] {
            let listener: SocketAddr = address.parse().unwrap();
            for url in local_urls(listener) {
                assert!(
                    Place {
                        public_urls: &[],
                        local: Some(listener)
                    }
                    .is_named_by(&url),
                    "{url}"
                );
            }
        }
        assert!(
            local_urls("10.0.0.9:7447".parse().unwrap()).contains(&"ws://10.0.0.9:7447".to_owned())
        );
    }

    #[test]
    fn r1_11_a_unix_socket_is_localhost() {
        assert!(place(&[], "none").is_named_by("ws://localhost"));
        assert!(!place(&[], "none").is_named_by("ws://10.0.0.9"));
    }

    #[test]
    fn r1_11_what_is_no_relay_url_names_nothing() {
        for url in [
            "",
            "localhost:7447",
            "ftp://localhost:7447",
            "ws://",
            "ws://localhost:99999",
        ] {
            assert!(!place(&[], "127.0.0.1:7447").is_named_by(url), "{url}");
        }
    }
}
