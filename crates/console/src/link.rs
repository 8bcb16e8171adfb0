//! Addresses in links. What strangers name as their address may be a script.

use maud::{Markup, Render, html};

/// The schemes that a link may lead to; the rest, `javascript:` and `data:` among them, is shown as text.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// The address if it can be followed safely: a path here, a query, a fragment, or one of `https`, `http` and `mailto`.
///
/// `//host/…` and `/\host/…` are no paths here: browsers read both as another host.
#[must_use]
pub fn safe(address: &str) -> Option<&str> {
    // Browsers strip these before they read an address, so what is checked here would not be what is followed.
    if address.chars().any(|c| c.is_ascii_control()) {
        return None;
    }
    let here = match address.as_bytes() {
        [b'/', b'/' | b'\\', ..] => false,
        [b'/' | b'?' | b'#', ..] => true,
        _ => false,
    };
    (here || has_scheme(address)).then_some(address)
}

/// Whether the address leads to another host, by what it begins with.
#[must_use]
pub fn leads_out(address: &str) -> bool {
    has_scheme(address)
}

fn has_scheme(address: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        address
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// A link; the bare content where the address is not [`safe`].
#[must_use]
pub fn link(address: &str, content: impl Render) -> Markup {
    html! {
        @match safe(address) {
            Some(address) if leads_out(address) => {
                a href=(address) rel="noopener noreferrer nofollow" { (content) }
            }
            Some(address) => a href=(address) { (content) },
            None => (content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_cannot_run_anything_are_followed() {
        for good in [
            "/a?b=c#d",
            "?sort=x",
            "#row",
            "https://h/",
            "HTTP://h",
            "mailto:a@b",
        ] {
            assert_eq!(safe(good), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:x",
            "data:text/html,x",
            "//host/x",
            "/\\host",
            "java\nscript:x",
            "",
            "x",
            " https://h",
            "wss://h",
            "/\t/host",
        ] {
            assert_eq!(safe(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_not_safe_is_shown_as_text() {
        assert_eq!(link("javascript:x", "a<b").into_string(), "a&lt;b");
        assert_eq!(
            link("/x?a&b", "t").into_string(),
            "<a href=\"/x?a&amp;b\">t</a>"
        );
        assert!(link("https://h", "t").into_string().contains("noopener"));
    }
}
