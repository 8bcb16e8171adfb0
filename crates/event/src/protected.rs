//! Reposts that embed a protected event (NIP-70, R1.12).

use crate::kind::Kind;
use crate::parse::mentions;
use crate::view::EventView;

/// Whether this is a repost (kind 6 or 16) whose content holds a protected event. The embedded event need not be valid for that: who
/// reads the repost may be less strict.
pub fn embeds_protected(event: &EventView<'_>) -> bool {
    matches!(event.kind(), Kind::REPOST | Kind::GENERIC_REPOST) && mentions(&event.content(), b"-")
}
