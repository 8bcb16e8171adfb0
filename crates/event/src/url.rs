//! Relay URLs in one spelling, so that they can be compared.

/// Brings a relay URL into one spelling: scheme and host in lower case, no default port, no trailing slashes or dot, no fragment.
/// Path and query stay as they are. `None` for what is not a `ws`, `wss`, `http` or `https` URL with a host, and for URLs with a user name,
/// which relays do not have.
pub fn normalize_relay_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "ws" | "http" => 80,
        "wss" | "https" => 443,
        _ => return None,
    };
    let rest = rest.split('#').next()?;
    let (authority, place) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(authority)?;
    let port = port
        .filter(|port| *port != default_port)
        .map_or(String::new(), |port| format!(":{port}"));
    let (path, query) = place.split_at(place.find('?').unwrap_or(place.len()));
    let path = path.trim_end_matches('/');
    let proper = |text: &str| {
        !text.contains(|character: char| character.is_whitespace() || character.is_control())
    };
    (proper(path) && proper(query)).then(|| format!("{scheme}://{host}{port}{path}{query}"))
}

/// The host in lower case and the port if there is one.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0)?)
        }
        _ => return None,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let odd = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || matches!(character, '@' | '\\' | '"' | '<' | '>' | '%')
    };
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let valid = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(odd),
    };
    valid.then(|| (host.to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_11_equal_urls_have_one_spelling() {
        for (url, normal) in [
            ("wss://relay.example.com", "wss://relay.example.com"),
            (" WSS://Relay.Example.com/ ", "wss://relay.example.com"),
            ("wss://relay.example.com.:443//", "wss://relay.example.com"),
            ("wss://relay.example.com:/", "wss://relay.example.com"),
            ("ws://relay.example.com:443", "ws://relay.example.com:443"),
            ("ws://127.0.0.1:7447/", "ws://127.0.0.1:7447"),
            (
                "ws://[2001:DB8::1]:80/Chat/?a=B#c",
                "ws://[2001:db8::1]/Chat?a=B",
            ),
            (
                "https://relay.example.com/?x",
                "https://relay.example.com?x",
            ),
        ] {
            assert_eq!(normalize_relay_url(url).as_deref(), Some(normal), "{url}");
        }
    }

    #[test]
    fn r1_11_other_text_is_no_relay_url() {
        for url in [
            "",
            "relay.example.com",
            "ftp://relay.example.com",
            "wss://",
            "wss:///x",
            "wss://a@b",
            "wss://a:b",
            "wss://a:70000",
            "wss://a:0",
            "wss://a:+1",
            "wss://a b",
            "wss://[::1",
            "wss://[::g]",
            "wss://[::1]x",
            "wss://a/b c",
            "wss://.",
        ] {
            assert_eq!(normalize_relay_url(url), None, "{url}");
        }
    }
}
