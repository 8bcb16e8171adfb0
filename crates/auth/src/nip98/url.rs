//! Whether a URL names what was asked for. What the client says in its `Host` header plays no part in it (R1.11).

use stentor_event::normalize_relay_url;

use super::Target;
use crate::Place;

/// Whether this URL names the target at this place.
pub(super) fn names(url: &str, target: Target<'_>, place: &Place<'_>) -> bool {
    match target {
        Target::Relay => names_relay(url, place),
        Target::Resource(path) => names_resource(url, path, place).unwrap_or(false),
    }
}

/// Whether this is the URL of the relay, be it written for WebSockets or for HTTP. A place without public URLs is the root of
/// its host: a token for another path there is for another purpose.
fn names_relay(url: &str, place: &Place<'_>) -> bool {
    let url = web_socket(url).unwrap_or_else(|| url.to_owned());
    let is_root = || split(&url).is_some_and(|(_, path)| matches!(path.as_str(), "" | "/"));
    place.is_named_by(&url) && (!place.public_urls.is_empty() || is_root())
}

/// Whether this is an `http` or `https` URL of this server with exactly this path and query. Host and scheme are compared as
/// relay URLs are; a missing path is that of the root. `None` when it is no such URL.
fn names_resource(url: &str, asked: &str, place: &Place<'_>) -> Option<bool> {
    let (origin, path) = split(&web_socket(url)?)?;
    let same_path = match path.strip_prefix('/') {
        Some(_) => path == asked,
        None => asked.strip_prefix('/') == Some(&path),
    };
    let same_origin = if place.public_urls.is_empty() {
        place.is_named_by(&origin)
    } else {
        let origins = place.public_urls.iter().filter_map(|url| split(url));
        origins
            .map(|(public, _)| public)
            .any(|public| public == origin)
    };
    Some(same_path && same_origin)
}

/// An `http` URL with `ws` for its scheme, an `https` URL with `wss`.
fn web_socket(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => "ws",
        _ if scheme.eq_ignore_ascii_case("https") => "wss",
        _ => return None,
    };
    Some(format!("{scheme}://{rest}"))
}

/// The normalised origin of a `ws` or `wss` URL, and its path and query as they are written.
fn split(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let origin = normalize_relay_url(&format!("{scheme}://{authority}"))?;
    Some((origin, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(urls: &[&str]) -> Vec<String> {
        urls.iter()
            .filter_map(|url| normalize_relay_url(url))
            .collect()
    }

    fn named(url: &str, target: Target<'_>, urls: &[String]) -> bool {
        let local = "127.0.0.1:7447".parse().ok();
        names(
            url,
            target,
            &Place {
                public_urls: urls,
                local,
            },
        )
    }

    #[test]
    fn r3_3_the_relay_is_named_in_both_schemes() {
        let urls = public(&["wss://relay.example.com"]);
        for url in [
            "wss://relay.example.com",
            "https://relay.example.com",
            "https://relay.example.com/",
            "HTTPS://Relay.Example.com:443/",
        ] {
            assert!(named(url, Target::Relay, &urls), "{url}");
        }
        for url in [
            "http://relay.example.com",
            "https://relay.example.com/x",
            "https://relay.example.com:444",
            "https://relay.example.com@evil.example",
            "https://evil.example",
            "ftp://relay.example.com",
            "https://localhost:7447",
            "relay.example.com",
            "",
        ] {
            assert!(!named(url, Target::Relay, &urls), "{url}");
        }
    }

    #[test]
    fn r3_3_a_relay_below_a_path() {
        let urls = public(&["wss://example.com/nostr"]);
        assert!(named("https://example.com/nostr/", Target::Relay, &urls));
        assert!(!named("https://example.com/", Target::Relay, &urls));
        let resource = Target::Resource("/api/v1/a");
        assert!(named("https://example.com/api/v1/a", resource, &urls));
    }

    #[test]
    fn r3_3_path_and_query_of_a_resource_are_exact() {
        let urls = public(&["wss://relay.example.com", "ws://[2001:db8::1]:8080"]);
        let resource = Target::Resource("/api/v1/a?b=c");
        for url in [
            "https://relay.example.com/api/v1/a?b=c",
            "https://Relay.Example.COM:443/api/v1/a?b=c",
            "http://[2001:DB8:0::1]:8080/api/v1/a?b=c",
        ] {
            assert!(named(url, resource, &urls), "{url}");
        }
        for url in [
            "wss://relay.example.com/api/v1/a?b=c",
            "http://relay.example.com/api/v1/a?b=c",
            "https://relay.example.com/api/v1/a",
            "https://relay.example.com/api/v1/a/?b=c",
            "https://relay.example.com/api/v1/A?b=c",
            "https://relay.example.com/api/v1/a?b=c#d",
            "https://relay.example.com//api/v1/a?b=c",
            "https://evil.example/api/v1/a?b=c",
            "https://evil.example/?https://relay.example.com/api/v1/a?b=c",
            "/api/v1/a?b=c",
        ] {
            assert!(!named(url, resource, &urls), "{url}");
        }
    }

    #[test]
    fn r3_3_the_slash_of_the_root_may_be_missing() {
        let urls = public(&["wss://relay.example.com"]);
        for url in ["https://relay.example.com", "https://relay.example.com/"] {
            assert!(named(url, Target::Resource("/"), &urls), "{url}");
        }
        let query = Target::Resource("/?a=b");
        assert!(named("https://relay.example.com?a=b", query, &urls));
        assert!(!named("https://relay.example.com", query, &urls));
    }

    #[test]
    fn r3_3_without_public_urls_only_localhost_and_the_local_address() {
        let resource = Target::Resource("/x");
        assert!(named("http://localhost:7447/x", resource, &[]));
        assert!(named("http://127.0.0.1:7447/x", resource, &[]));
        assert!(!named("http://localhost:7448/x", resource, &[]));
        assert!(!named("https://relay.example.com/x", resource, &[]));
        assert!(named("http://[::1]:7447", Target::Relay, &[]));
        assert!(!named("http://10.0.0.9:7447", Target::Relay, &[]));
    }
}
