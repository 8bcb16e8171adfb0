//! What can go wrong with records.

use std::time::Duration;

use crate::MigrationError;

/// An error of the database. Cloned to each transaction of a commit that fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule of the schema speaks against it. The transaction was rolled back.
    #[error("{kind} constraint{} is not met", .which.as_ref().map(|which| format!(" {which}")).unwrap_or_default())]
    Constraint {
        /// What kind of rule.
        kind: ConstraintKind,
        /// Its name, if the database tells it: PostgreSQL the name of the constraint, SQLite that of a CHECK, else the
        /// columns, such as `bans.pubkey`.
        which: Option<String>,
    },
    /// The disk is full. What was acknowledged is safe; writing goes on when there is room again.
    #[error("the disk of the database is full")]
    Full,
    /// Something else holds what is needed for longer than is waited: a lock, all connections, or the queue.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The transaction conflicted with others at each of its attempts, or at its only one. It can be tried again.
    #[error("the transaction conflicted with others")]
    Conflict,
    /// A statement took longer than it may.
    #[error("a statement took longer than it may")]
    Timeout,
    /// The database cannot be reached or used now. Nothing was changed. It is tried anew with the next call.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection broke during the commit: whether the transaction took place is not known.
    #[error("whether the transaction took place is not known: {0}")]
    Uncertain(String),
    /// The file does not hold what was written there.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// It would have been written where only reading is allowed.
    #[error("only reading is allowed here")]
    ReadOnly,
    /// There is no row.
    #[error("there is no row")]
    NoRow,
    /// There are more rows than asked for or allowed.
    #[error("there are more than {allowed} rows")]
    TooManyRows {
        /// How many are allowed.
        allowed: usize,
    },
    /// A column does not hold what was asked for.
    #[error("column {column} holds {found}, not {wanted}")]
    Column {
        /// Its name or number.
        column: String,
        /// The type asked for.
        wanted: &'static str,
        /// What is there.
        found: String,
    },
    /// The database does not accept the statement: a fault of this program.
    #[error("the statement is not accepted: {message}{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Statement {
        /// The database's message.
        message: String,
        /// Its code: an SQLSTATE, or a number of SQLite.
        code: Option<String>,
    },
    /// The closure of the transaction panicked, which rolled it back. (A program that is built to abort on panics ends.)
    #[error("the transaction panicked")]
    Panicked,
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// The schema is not one that this program can work with.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The configuration cannot be used.
    #[error("{key}: {problem}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong with its value, which is not repeated.
        problem: String,
    },
    /// The engine does not do this.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A file beside the database could not be written.
    #[error("{action} {path}: {message}")]
    Io {
        /// What was attempted, such as `syncing`.
        action: &'static str,
        /// The file.
        path: String,
        /// The system's message.
        message: String,
    },
}

/// What kind of rule of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// There is such a row already.
    Unique,
    /// Another row is missing, or still needs this one.
    ForeignKey,
    /// A value is missing.
    NotNull,
    /// A CHECK.
    Check,
    /// Another rule.
    Other,
}

impl std::fmt::Display for ConstraintKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::NotNull => "not null",
            Self::Check => "check",
            Self::Other => "other",
        })
    }
}

impl Error {
    /// One word for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Constraint { .. } => "constraint",
            Self::Full => "full",
            Self::Busy(_) => "busy",
            Self::Conflict => "conflict",
            Self::Timeout => "timeout",
            Self::Unavailable(_) => "unavailable",
            Self::Uncertain(_) => "uncertain",
            Self::Corrupt(_) => "corrupt",
            Self::ReadOnly => "read_only",
            Self::NoRow => "no_row",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::Column { .. } => "column",
            Self::Statement { .. } => "statement",
            Self::Panicked => "panicked",
            Self::Closed => "closed",
            Self::Migration(_) => "migration",
            Self::Config { .. } => "config",
            Self::Unsupported(_) => "unsupported",
            Self::Io { .. } => "io",
        }
    }

    /// Whether the same may succeed later without anybody changing the program or the data.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Full
                | Self::Busy(_)
                | Self::Conflict
                | Self::Timeout
                | Self::Unavailable(_)
                | Self::Uncertain(_)
        )
    }

    /// Whether it is a [`Constraint`](Self::Constraint) of this kind.
    pub fn is_constraint(&self, wanted: ConstraintKind) -> bool {
        matches!(self, Self::Constraint { kind, .. } if *kind == wanted)
    }

    pub(crate) fn config(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Config {
            key,
            problem: problem.into(),
        }
    }

    pub(crate) fn statement(message: impl Into<String>) -> Self {
        Self::Statement {
            message: message.into(),
            code: None,
        }
    }

    pub(crate) fn late(after: Duration) -> Self {
        Self::Unavailable(format!("no answer within {} ms", after.as_millis()))
    }
}
