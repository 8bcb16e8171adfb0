//! What can go wrong in search.

use tantivy::TantivyError;

use crate::StoreError;

/// Why a search was not done, or the index not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SearchError {
    /// More searches wait than may.
    #[error("too many searches at once")]
    Busy,
    /// The index took longer than it may for one filter.
    #[error("the search took longer than {0} ms")]
    TooLong(u128),
    /// The index is being opened.
    #[error("the search index is being opened")]
    Starting,
    /// The index cannot be read or written.
    #[error("search index: {0}")]
    Index(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TantivyError> for SearchError {
    fn from(error: TantivyError) -> Self {
        Self::Index(error.to_string())
    }
}
