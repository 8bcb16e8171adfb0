//! One spelling for the URL of a relay, so that two of them can be compared (NIP-42, NIP-62).

use std::net::Ipv6Addr;

/// The longest URL that is looked at, in bytes.
const MAX_BYTES: usize = 2_048;

/// The normal form of a `ws` or `wss` URL: scheme and host in lower case, the scheme's own port, a dot after the host, a slash at
/// the end and the fragment left out. `None` when it is no such URL, names no host, or carries a user name.
pub fn normalize_relay_url(url: &str) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://").filter(|_| url.len() <= MAX_BYTES)?;
    let scheme = scheme.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "ws" => 80,
        "wss" => 443,
        _ => return None,
    };
    let rest = rest.split('#').next()?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority)?;
    let host = normal_host(host)?;
    let port = port
        .filter(|port| *port != own_port)
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = path.trim_end_matches('/');
    Some(format!("{scheme}://{host}{port}{path}"))
}

/// Host and port; an empty port is none.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.rfind([':', ']']) {
        Some(at) if authority.get(at..)?.starts_with(':') => {
            (authority.get(..at)?, authority.get(at + 1..)?)
        }
        _ => (authority, ""),
    };
    if port.is_empty() {
        return Some((host, None));
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    Some((host, Some(port.parse().ok().filter(|_| digits)?)))
}

fn normal_host(host: &str) -> Option<String> {
    if let Some(literal) = host.strip_prefix('[') {
        let address: Ipv6Addr = literal.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let forbidden = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '@' | ':' | '[' | ']' | '\\' | '"' | '<' | '>')
    };
    (!host.is_empty() && !host.contains(forbidden)).then(|| host.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_11_spellings_of_one_url() {
        for url in [
            "wss://relay.example.com",
            "wss://relay.example.com/",
            "WSS://Relay.Example.COM:443/",
            " wss://relay.example.com./#x",
            "wss://relay.example.com:",
        ] {
            assert_eq!(
                normalize_relay_url(url).as_deref(),
                Some("wss://relay.example.com"),
                "{url}"
            );
        }
        assert_eq!(
            normalize_relay_url("ws://h:80/a/").as_deref(),
            Some("ws://h/a")
        );
        assert_eq!(
            normalize_relay_url("ws://h:7447/?x=1").as_deref(),
            Some("ws://h:7447/?x=1")
        );
        assert_eq!(
            normalize_relay_url("ws://[0:0:0:0:0:0:0:1]:7447/").as_deref(),
            Some("ws://[::1]:7447")
        );
        assert_eq!(
            normalize_relay_url("wss://[2001:DB8::1]").as_deref(),
            Some("wss://[2001:db8::1]")
        );
    }

    #[test]
    fn r1_11_what_is_no_relay_url() {
        for url in [
            "",
            "relay.example.com",
            "https://h",
            "ws://",
            "ws:///x",
            "ws://a@h",
            "ws://h:99999",
            "ws://h:+1",
            "ws://[::1",
            "ws://h h",
        ] {
            assert_eq!(normalize_relay_url(url), None, "{url}");
        }
    }
}
