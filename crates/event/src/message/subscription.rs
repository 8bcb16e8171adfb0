//! Subscription ids.

use std::fmt;
use std::sync::Arc;

/// A client's name for a subscription: 1 to 64 characters (NIP-01). Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(Arc<str>);

impl SubscriptionId {
    /// The most characters that an id may have (NIP-01).
    pub const MAX_CHARS: usize = 64;

    /// `None` when the text is empty or longer than [`Self::MAX_CHARS`].
    pub fn new(text: &str) -> Option<Self> {
        Self::within(text, Self::MAX_CHARS)
    }

    /// `None` when the text is empty or longer than `max_chars`.
    pub fn within(text: &str, max_chars: usize) -> Option<Self> {
        // A character takes four bytes at most: long texts are not counted.
        let fits = text.len() <= max_chars.saturating_mul(4) && text.chars().count() <= max_chars;
        (!text.is_empty() && fits).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for SubscriptionId {
    /// The number in decimal digits, of which there are at most 20.
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl AsRef<str> for SubscriptionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
