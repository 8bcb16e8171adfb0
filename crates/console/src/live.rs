//! Parts of a page that follow changes.
//!
//! A page with [`Page::live`](crate::Page::live) names a stream of Server-Sent Events. On `event: changed`, whose data is a JSON
//! list of names, the script fetches the page's own address again with the header [`HEADER`] and puts the parts of these
//! names in the place of the old ones, at most once a second and not while the tab is hidden or the reader has paused. A
//! server may answer with the whole page or, by [`Wanted`], with only the parts asked for.

use http::HeaderMap;
use maud::{Markup, Render, html};

/// The request header that names the parts wanted, separated by commas.
pub const HEADER: &str = "x-fragment";

/// How many names are read of a request.
const MAX_NAMES: usize = 32;

/// A part of a page that can be fetched and replaced by itself. Names are unique on a page, of letters, digits and `-`.
#[must_use]
pub fn fragment(name: &str, content: impl Render) -> Markup {
    html! {
        div class="fragment" data-fragment=(name) id={ "fragment-" (name) } { (content) }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The whole page.
    Page,
    /// Parts of it, by name; at most 32.
    Fragments(Vec<String>),
}

impl Wanted {
    /// Reads the header. A header that names nothing asks for the page.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let names: Vec<String> = headers
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .take(MAX_NAMES)
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            Self::Page
        } else {
            Self::Fragments(names)
        }
    }

    /// Whether the answer has to hold the part of this name, so that one not asked for need not be computed.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::Page => true,
            Self::Fragments(names) => names.iter().any(|other| other == name),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn o4_4_a_request_may_ask_for_parts() {
        let mut headers = HeaderMap::new();
        assert_eq!(Wanted::of(&headers), Wanted::Page);
        headers.insert(HEADER, HeaderValue::from_static(" , "));
        assert_eq!(Wanted::of(&headers), Wanted::Page);
        headers.insert(HEADER, HeaderValue::from_static("relays, figures"));
        let wanted = Wanted::of(&headers);
        assert!(wanted.includes("relays") && wanted.includes("figures") && !wanted.includes("map"));
    }
}
