//! Requests to vanish (NIP-62).

use std::borrow::Cow;

use crate::relay_url::normalize_relay_url;
use crate::view::EventView;

/// The value of a `relay` tag that speaks to every relay.
pub const ALL_RELAYS: &str = "ALL_RELAYS";

/// Whom a request to vanish speaks to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VanishRelay {
    /// Every relay.
    All,
    /// The relay at this URL, in the spelling of [`normalize_relay_url`].
    Url(String),
}

/// The values of the `relay` tags as they are spelled: URLs or [`ALL_RELAYS`].
pub fn relays<'a>(event: &EventView<'a>) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
    event
        .tags()
        .filter(|tag| tag.name().is(b"relay"))
        .filter_map(|tag| Some(tag.value()?.to_text()))
}

/// The relays that a request to vanish speaks to, in the order of its `relay` tags. Values that are neither [`ALL_RELAYS`] nor a
/// URL are left out.
pub fn vanish_relays<'a>(event: &EventView<'a>) -> impl Iterator<Item = VanishRelay> + use<'a> {
    relays(event).filter_map(|relay| match &*relay {
        ALL_RELAYS => Some(VanishRelay::All),
        url => normalize_relay_url(url).map(VanishRelay::Url),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventBuilder, Kind, SecretKey, Timestamp};

    #[test]
    fn r1_13_relays_and_all_relays_are_read() {
        let request = EventBuilder::new(Kind::VANISH, Timestamp(1))
            .tag(["relay", "WSS://Relay.example/"])
            .tag(["relay", "all_relays"])
            .tag(["relay"])
            .tag(["p", "wss://other.example"])
            .tag(["relay", "ALL_RELAYS"])
            .sign(&SecretKey::from_bytes([1; 32]).unwrap());
        let named: Vec<VanishRelay> = vanish_relays(&request.view()).collect();
        let url = VanishRelay::Url("wss://relay.example".into());
        assert_eq!(named, [url, VanishRelay::All]);
    }
}
