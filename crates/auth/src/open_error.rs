//! Why there is no authenticator.

use std::path::PathBuf;

use crate::ManageError;
use crate::SecretError;
use crate::config::ConfigError;
use crate::jwt::OwnError;

/// Why an [`Authenticator`](crate::Authenticator) could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A value of the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The records.
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// A file with a secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no such file.
    #[error("{} does not exist", .0.display())]
    NoSecret(PathBuf),
}

impl From<OwnError> for OpenError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Secret(error) => error.into(),
            OwnError::Manage(error) => error.into(),
        }
    }
}
