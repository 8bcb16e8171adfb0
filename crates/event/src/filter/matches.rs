//! Whether an event matches a filter.

use super::{Filter, TagFilter};
use crate::text::JsonStr;
use crate::view::EventView;

impl Filter {
    /// Whether `event` meets all conditions but `limit` and `search`.
    #[inline]
    pub fn matches(&self, event: &EventView<'_>) -> bool {
        let time = event.created_at();
        self.since.is_none_or(|since| since <= time)
            && self.until.is_none_or(|until| time <= until)
            && self
                .kinds
                .as_ref()
                .is_none_or(|kinds| kinds.binary_search(&event.kind()).is_ok())
            && self
                .authors
                .as_ref()
                .is_none_or(|authors| authors.binary_search(&event.pubkey()).is_ok())
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.binary_search(&event.id()).is_ok())
            && self.tags.iter().all(|tag| tag.matches(event))
    }
}

impl TagFilter {
    /// Whether one of the event's tags has the letter and one of the values.
    #[inline]
    pub fn matches(&self, event: &EventView<'_>) -> bool {
        let mut tags = event.indexed_tags();
        while let Some(value) = tags.next_of(self.letter) {
            if self.contains_string(value) {
                return true;
            }
        }
        false
    }

    #[inline]
    fn contains_string(&self, value: JsonStr<'_>) -> bool {
        match self.values.as_slice() {
            [only] => value.is(only),
            _ if value.is_escaped() => self.contains(&value.unescape()),
            _ => self.contains(value.raw()),
        }
    }
}
