//! Filters (NIP-01, R1.6).

mod matches;
mod parse;
mod sort;
#[cfg(test)]
mod tests;
mod write;

use thiserror::Error;

use crate::error::SyntaxError;
use crate::keys::{EventId, PublicKey};
use crate::kind::Kind;
use crate::timestamp::Timestamp;

/// What a subscription asks for. All conditions that are set must hold. Lists are sorted and without duplicates (whoever makes a
/// filter by hand has to see to it); an empty list matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Event ids. Values that are not an id are dropped, so they match nothing.
    pub ids: Option<Vec<EventId>>,
    /// Authors. Values that are not a key are dropped, so they match nothing.
    pub authors: Option<Vec<PublicKey>>,
    /// Kinds.
    pub kinds: Option<Vec<Kind>>,
    /// Tag conditions in the order in which they were sent, each letter at most once.
    pub tags: Vec<TagFilter>,
    /// Events at this time or later.
    pub since: Option<Timestamp>,
    /// Events at this time or earlier.
    pub until: Option<Timestamp>,
    /// At most so many stored events.
    pub limit: Option<u64>,
    /// Full-text search (NIP-50). [`Filter::matches`] does not look at it.
    pub search: Option<String>,
}

/// Values that a tag may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// The tag's name, one English letter of either case.
    pub letter: u8,
    /// The values in UTF-8 without escapes, sorted and without duplicates. For `e` and `p` only ids and keys in hex.
    pub values: Vec<Box<[u8]>>,
    /// Which of `values` was sent first: NIP-45's HyperLogLog goes by it.
    pub first: usize,
}

impl TagFilter {
    /// From values in the order in which they were sent; sorts them. For `e` and `p`, values that are not 64 lower-case hex digits
    /// are dropped.
    pub fn new<V: Into<Box<[u8]>>>(letter: u8, values: impl IntoIterator<Item = V>) -> Self {
        let keys_only = matches!(letter, b'e' | b'p');
        let mut values: Vec<Box<[u8]>> = values
            .into_iter()
            .map(Into::into)
            .filter(|value| !keys_only || crate::hex::decode_array::<32>(value).is_some())
            .collect();
        let first = if values.len() > 1 {
            values.first().cloned()
        } else {
            None
        };
        values.sort_unstable();
        values.dedup();
        let first = first
            .and_then(|first| values.binary_search(&first).ok())
            .unwrap_or(0);
        Self {
            letter,
            values,
            first,
        }
    }

    /// Whether `value` is one of the values.
    #[inline]
    pub fn contains(&self, value: &[u8]) -> bool {
        match self.values.as_slice() {
            [only] => **only == *value,
            values => values
                .binary_search_by(|candidate| (**candidate).cmp(value))
                .is_ok(),
        }
    }
}

/// How much a filter may ask for; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterLimits {
    /// Values in `ids`.
    pub max_ids: usize,
    /// Values in `authors`.
    pub max_authors: usize,
    /// Kinds.
    pub max_kinds: usize,
    /// Values in one tag condition.
    pub max_tag_values: usize,
    /// Bytes of one value of a tag condition, without escapes.
    pub max_value_bytes: usize,
    /// Bytes of `search`, without escapes.
    pub max_search_bytes: usize,
}

impl FilterLimits {
    /// No limits.
    pub const NONE: Self = Self {
        max_ids: 0,
        max_authors: 0,
        max_kinds: 0,
        max_tag_values: 0,
        max_value_bytes: 0,
        max_search_bytes: 0,
    };
}

impl Default for FilterLimits {
    /// R4.5: 1,000 ids, 1,000 authors, 256 values a tag; 1,000 kinds, 2 KiB a value, 1 KiB of `search`.
    fn default() -> Self {
        Self {
            max_ids: 1_000,
            max_authors: 1_000,
            max_kinds: 1_000,
            max_tag_values: 256,
            max_value_bytes: 2_048,
            max_search_bytes: 1_024,
        }
    }
}

/// Why a filter is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// Not well-formed JSON, or not an object.
    #[error("malformed filter: {0}")]
    Malformed(#[from] SyntaxError),
    /// A field holds something else than it should.
    #[error("malformed filter: `{field}` is not {expected}")]
    Field {
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The same field appears twice.
    #[error("malformed filter: `{0}` appears twice")]
    DuplicateField(String),
    /// More values than allowed.
    #[error("more than {max} values in `{field}`")]
    TooMany {
        /// The field.
        field: String,
        /// How many are allowed.
        max: usize,
    },
    /// A value longer than allowed.
    #[error("more than {max} bytes in a value of `{field}`")]
    TooLong {
        /// The field.
        field: String,
        /// How many are allowed.
        max: usize,
    },
    /// A field that this relay does not know.
    #[error("unknown filter field `{0}`")]
    UnsupportedField(String),
}

impl FilterError {
    /// The NIP-01 prefix for `CLOSED`, without the colon.
    pub const fn prefix(&self) -> &'static str {
        match self {
            Self::UnsupportedField(_) => "unsupported",
            _ => "invalid",
        }
    }
}

impl Filter {
    /// About how many bytes of memory its values take.
    pub fn value_bytes(&self) -> usize {
        let (id, kind, value) = (32, size_of::<Kind>(), size_of::<Box<[u8]>>());
        let tags = self.tags.iter().flat_map(|tag| &tag.values);
        self.ids.as_ref().map_or(0, Vec::len) * id
            + self.authors.as_ref().map_or(0, Vec::len) * id
            + self.kinds.as_ref().map_or(0, Vec::len) * kind
            + self.search.as_ref().map_or(0, String::len)
            + tags.map(|bytes| value + bytes.len()).sum::<usize>()
    }

    /// Whether no event can match: an empty list, or `since` after `until`.
    pub fn matches_nothing(&self) -> bool {
        self.ids.as_ref().is_some_and(Vec::is_empty)
            || self.authors.as_ref().is_some_and(Vec::is_empty)
            || self.kinds.as_ref().is_some_and(Vec::is_empty)
            || self.tags.iter().any(|tag| tag.values.is_empty())
            || matches!((self.since, self.until), (Some(since), Some(until)) if since > until)
    }
}
