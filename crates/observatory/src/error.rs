//! What keeps the observatory from its work.

use std::path::PathBuf;

use stentor_bus::BusError;
use stentor_store::StoreError;
use thiserror::Error;

use crate::config::ConfigError;

/// What keeps the observatory from its work. What a relay does wrong is no error but a finding.
#[derive(Debug, Error)]
pub enum Error {
    /// The records.
    #[error("records: {0}")]
    Records(#[from] stentor_sql::Error),
    /// The store of the archive, or that of the relay.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The bus.
    #[error("bus: {0}")]
    Bus(#[from] BusError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that cannot be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There are as many as there may be.
    #[error("{0}")]
    Full(String),
    /// What is asked for is not there, or cannot be asked for.
    #[error("{0}")]
    Invalid(String),
}
