//! What can go wrong in a store.

use std::path::PathBuf;
use std::sync::Arc;

use crate::search::SearchError;

/// An error of a storage engine. Refusals of single events are not errors: see [`Refusal`](crate::Refusal).
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. What was acknowledged is safe; writing goes on when there is room again.
    #[error("the disk that holds {path} is full")]
    DiskFull {
        /// The folder of the store.
        path: PathBuf,
    },
    /// The operating system refused a read or a write.
    #[error("{action} {path}: {message}")]
    Io {
        /// What was attempted, such as `writing`.
        action: &'static str,
        /// The file concerned.
        path: PathBuf,
        /// The system's message.
        message: String,
    },
    /// A file does not hold what the store wrote there.
    #[error("{path} is damaged at byte {offset}: {what}")]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// The store was written by a newer program.
    #[error("{path} has format {found}; this program reads up to {supported}: use a newer stentor")]
    Newer {
        /// The folder of the store.
        path: PathBuf,
        /// The format found there.
        found: u32,
        /// The newest format that this program reads.
        supported: u32,
    },
    /// The store was written in a format that this program no longer reads.
    #[error(
        "{path} has format {found}; this program reads format {supported}: write the events out with the version that made it \
         (`stentor export`), and take them in here (`stentor import`)"
    )]
    Older {
        /// The folder of the store.
        path: PathBuf,
        /// The format found there.
        found: u32,
        /// The format that this program reads.
        supported: u32,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another process{}", .pid.map(|p| format!(" (pid {p})")).unwrap_or_default())]
    InUse {
        /// The folder of the store.
        path: PathBuf,
        /// The process that holds it, where known.
        pid: Option<u32>,
    },
    /// The store was opened with the other [`Keep`](crate::Keep) than it was made with.
    #[error("{path} was made with keep = {found}, not {asked}")]
    KeepMismatch {
        /// The folder of the store.
        path: PathBuf,
        /// What the store was made with.
        found: &'static str,
        /// What was asked for.
        asked: &'static str,
    },
    /// A write to the log failed in a way that leaves its end unknown; the store must be opened again.
    #[error("the store is read-only after a failed write ({0}); restart to recover")]
    Poisoned(String),
    /// Long work was ended early, as whoever was told of its progress wished.
    #[error("ended early, as it was asked for")]
    Interrupted,
    /// The store is closing.
    #[error("the store is shutting down")]
    Closed,
    /// Nobody wanted the answer any more.
    #[error("nobody waits for the answer any more")]
    Abandoned,
    /// A full-text search was not done.
    #[error(transparent)]
    Search(Arc<SearchError>),
    /// A query cost more than [`ScanLimits`](crate::ScanLimits) allow.
    #[error("the query is too expensive: {spent} units spent, {allowed} allowed")]
    TooExpensive {
        /// Rows looked at.
        spent: u64,
        /// Rows allowed.
        allowed: u64,
    },
}
