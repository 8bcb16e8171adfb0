//! What can go wrong when the relay is set up.

use crate::access::AccessError;
use crate::config::ConfigError;

/// Why a relay cannot be made, or its configuration not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// A value of the configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The records of members, bans and the like cannot be read.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store cannot be written.
    #[error("the store: {0}")]
    Store(String),
}
