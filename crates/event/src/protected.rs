//! Reposts that embed a protected event (NIP-70, R1.12).

use crate::event::Event;
use crate::kind::Kind;
use crate::view::EventView;

/// Whether this is a repost (kind 6 or 16) whose content is a protected event. Content that is not an event embeds nothing.
pub fn embeds_protected(event: &EventView<'_>) -> bool {
    if !matches!(event.kind(), Kind::REPOST | Kind::GENERIC_REPOST)
        || event.content_raw().is_empty()
    {
        return false;
    }
    Event::parse(&event.content()).is_ok_and(|embedded| embedded.is_protected())
}
