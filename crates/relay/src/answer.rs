//! Writing answers to the client.

use std::cell::RefCell;

use stentor_event::{EventId, SubscriptionId, relay_message};
use stentor_net::limit::Limited;
use stentor_serve::SessionIo;

thread_local! {
    /// Where a message is put together; messages are short and calls do not nest.
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Sends the message that `write` puts together.
pub(crate) fn say(io: &mut SessionIo<'_>, write: impl FnOnce(&mut Vec<u8>)) {
    TEXT.with_borrow_mut(|text| {
        text.clear();
        write(text);
        io.write_text(text);
    });
}

/// Sends `OK`.
pub(crate) fn ok(io: &mut SessionIo<'_>, id: &EventId, accepted: bool, reason: &str) {
    say(io, |text| relay_message::ok(text, id, accepted, reason));
}

/// Sends `CLOSED`.
pub(crate) fn closed(io: &mut SessionIo<'_>, sub: &SubscriptionId, reason: &str) {
    say(io, |text| relay_message::closed(text, sub, reason));
}

/// Sends `NOTICE`.
pub(crate) fn notice(io: &mut SessionIo<'_>, message: &str) {
    say(io, |text| relay_message::notice(text, message));
}

/// The reason for what was too fast.
pub(crate) fn too_fast(limited: &Limited, what: &str) -> String {
    format!(
        "rate-limited: too many {what}, try again in {} ms",
        limited.retry_after.as_millis().max(1)
    )
}
