//! Requests to vanish (NIP-62).

use std::borrow::Cow;

use crate::view::EventView;

/// The value of a `relay` tag that speaks to every relay.
pub const ALL_RELAYS: &str = "ALL_RELAYS";

/// The relays that a request to vanish is meant for, as the `relay` tags spell them: URLs or [`ALL_RELAYS`].
pub fn relays<'a>(event: &EventView<'a>) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
    event
        .tags()
        .filter(|tag| tag.name().is(b"relay"))
        .filter_map(|tag| Some(tag.value()?.to_text()))
}

/// Whether a request to vanish is meant for all relays.
pub fn is_global(event: &EventView<'_>) -> bool {
    relays(event).any(|relay| relay == ALL_RELAYS)
}
