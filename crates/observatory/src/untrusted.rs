//! What strangers write, read without a store: for fuzzing.

use stentor_event::EventView;

use crate::discover;
use crate::relay_url::RelayUrl;

/// The relays that an event mentions, with the words for how it does.
pub fn mentions(event: &EventView<'_>) -> Vec<(RelayUrl, &'static str)> {
    let found: Vec<_> = discover::mentions(event)
        .map(|(url, source)| (url, source.as_str()))
        .collect();
    assert!(found.len() <= discover::MAX_MENTIONS);
    found
}
