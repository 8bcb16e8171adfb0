//! What can go wrong when the relay is set up.

use crate::config::ConfigError;

/// Why a relay cannot be made, or its configuration not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// A value of the configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
