//! Limits on what clients send.

use super::subscription::SubscriptionId;
use crate::filter::FilterLimits;

/// How much a message may hold; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Bytes of an event in canonical form.
    pub max_event_bytes: usize,
    /// Tags of an event.
    pub max_event_tags: usize,
    /// Characters of a subscription id. NIP-01 wants [`SubscriptionId::MAX_CHARS`]; 0 is that as well.
    pub max_subscription_chars: usize,
    /// Filters in one message.
    pub max_filters: usize,
    /// Lists in a filter.
    pub filter: FilterLimits,
}

impl ParseLimits {
    /// No limits.
    pub const NONE: Self = Self {
        max_event_bytes: 0,
        max_event_tags: 0,
        max_subscription_chars: 0,
        max_filters: 0,
        filter: FilterLimits::NONE,
    };
}

impl Default for ParseLimits {
    /// R4.5: 256 KiB and 4,000 tags an event, 16 filters.
    fn default() -> Self {
        Self {
            max_event_bytes: 256 * 1024,
            max_event_tags: 4_000,
            max_subscription_chars: SubscriptionId::MAX_CHARS,
            max_filters: 16,
            filter: FilterLimits::default(),
        }
    }
}
