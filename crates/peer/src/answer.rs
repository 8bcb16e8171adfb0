//! What a relay says to what it was asked.

use stentor_event::hll::Registers;
use stentor_event::{EoseHint, Event};

use crate::error::Ended;

/// The answer to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OkAnswer {
    /// Whether the relay has the event now (a duplicate counts), or has passed it on.
    pub accepted: bool,
    /// Why, with its NIP-01 prefix; often empty.
    pub reason: String,
}

impl OkAnswer {
    /// The machine-readable word at the beginning of the reason (NIP-01), such as `duplicate` or `rate-limited`.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        prefix(&self.reason)
    }
}

/// A count (NIP-45).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// How many events there are.
    pub count: u64,
    /// Whether that is an estimate.
    pub approximate: bool,
    /// For merging with the counts of other relays.
    pub registers: Option<Box<Registers>>,
}

/// What comes on a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// An event that passed the checks.
    Event(Event),
    /// The stored events have been sent; new ones follow. The hint says whether that was all (NIP-67).
    Eose(Option<EoseHint>),
    /// The last thing to come.
    Over(Over),
}

/// Why a subscription is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The relay has closed it, in its own words.
    Closed(String),
    /// The relay sent neither event nor EOSE for `answer_seconds`.
    Silent,
    /// The relay sent more than `stored_events` before EOSE, or more than a sieve takes.
    TooMany,
    /// The consumer took nothing for `stall_seconds`.
    Stalled,
    /// The connection has ended.
    Ended(Ended),
}

/// The word before the colon, if it looks like one of NIP-01's prefixes.
pub(crate) fn prefix(reason: &str) -> Option<&str> {
    let (word, _) = reason.split_once(':')?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    (!word.is_empty() && word.bytes().all(fits)).then_some(word)
}

/// Whether the relay wants to know who we are first (NIP-42).
pub(crate) fn wants_auth(reason: &str) -> bool {
    prefix(reason) == Some("auth-required")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_single_words() {
        assert_eq!(prefix("auth-required: who?"), Some("auth-required"));
        assert_eq!(prefix("duplicate:"), Some("duplicate"));
        for none in ["", ": x", "something is wrong: x", "Error: x", "no colon"] {
            assert_eq!(prefix(none), None, "{none}");
        }
        assert!(wants_auth("auth-required: x") && !wants_auth("restricted: auth-required: x"));
    }
}
