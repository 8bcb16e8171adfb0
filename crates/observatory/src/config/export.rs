//! `[observatory.export]`: where exports to S3 go (O4.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where exports to S3 go. Exports to a folder need nothing of this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// The endpoint of a service that speaks S3 (`https://…`); none: Amazon's of the region.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The file with the access key's id, relative to the data folder.
    pub key_id_file: Option<String>,
    /// The file with the secret access key, relative to the data folder.
    pub secret_file: Option<String>,
    /// Whether an endpoint without TLS is let through.
    pub insecure: bool,
}

impl Export {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.key_id_file.is_some() != self.secret_file.is_some() {
            let problem = "needs both a file with the key's id and one with the secret";
            return Err(ConfigError::new("export.key_id_file", problem));
        }
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        let plain = endpoint.starts_with("http://");
        if !plain && !endpoint.starts_with("https://") || plain && !self.insecure {
            let problem = "begins with https:// (or http://, where `insecure` is set)";
            return Err(ConfigError::new("export.endpoint", problem));
        }
        Ok(())
    }
}
