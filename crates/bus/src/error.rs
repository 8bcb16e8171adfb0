//! What can go wrong.

use stentor_store::StoreError;

use crate::Cursor;

/// Why the bus cannot do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// The records.
    #[error("the records: {0}")]
    Records(#[from] stentor_sql::Error),
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The bus has ended.
    #[error("the bus has ended")]
    Closed,
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// Why a reader ends.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The cursor is older than what is kept, or from other logs: what is missing cannot be told. The reader may go on from
    /// the oldest entry that there is.
    #[error("the cursor is older than what is kept, or from another installation")]
    Resync {
        /// Before the oldest entry.
        oldest: Cursor,
    },
    /// The reader is too slow: more waited for it than may.
    #[error("{missed} envelopes were not delivered, as too many were waiting")]
    Lagged {
        /// Envelopes that were not delivered.
        missed: u64,
    },
    /// The logs cannot be read.
    #[error(transparent)]
    Failed(#[from] BusError),
}
