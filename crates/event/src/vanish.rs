//! Requests to vanish (NIP-62).

use crate::relay_url::normalize_relay_url;
use crate::view::EventView;

/// Whom a request to vanish speaks to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VanishRelay {
    /// Every relay: `ALL_RELAYS`.
    All,
    /// The relay at this URL, in the spelling of [`normalize_relay_url`].
    Url(String),
}

/// The relays that a request to vanish speaks to, in the order of its `relay` tags. Values that are neither `ALL_RELAYS` nor a URL are left
/// out.
pub fn vanish_relays<'a>(event: &EventView<'a>) -> impl Iterator<Item = VanishRelay> + use<'a> {
    event
        .tags()
        .filter(|tag| tag.name().is(b"relay"))
        .filter_map(|tag| match &*tag.value()?.to_text() {
            "ALL_RELAYS" => Some(VanishRelay::All),
            url => normalize_relay_url(url).map(VanishRelay::Url),
        })
}
