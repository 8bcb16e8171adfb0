//! What strangers write, read without a store: for fuzzing.

use stentor_event::EventView;

use crate::discover;
use crate::export;
use crate::relay_url::RelayUrl;

/// The relays that an event mentions, with the words for how it does.
pub fn mentions(event: &EventView<'_>) -> Vec<(RelayUrl, &'static str)> {
    let found: Vec<_> = discover::mentions(event)
        .map(|(url, source)| (url, source.as_str()))
        .collect();
    assert!(found.len() <= discover::MAX_MENTIONS);
    found
}

/// A manifest of an export: its bytes as they are written again, and the paths that it names. `None` when it is none.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    export::reread(bytes)
}
