//! The `[observatory]` section of the configuration.

mod alert;
mod archive;
mod check;
mod connections;
mod discover;
mod export;
mod publish;
mod statistics;

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use alert::Alert;
pub use archive::Archive;
pub use check::{Check, WriteTest};
pub use connections::Connections;
pub use discover::{Discover, HttpList};
pub use export::Export;
pub use publish::Publish;
pub use statistics::Statistics;

/// Which relays exist, how they do, what they hold. Takes effect with a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether this node observes the relay network. It then connects to relays that strangers have named.
    pub enabled: bool,
    /// Whether everybody who reaches the listener may read answers and pages; otherwise it takes the right `observatory:read`.
    pub public: bool,
    /// How many connections there are at once.
    pub connections: Connections,
    /// Finding relays.
    pub discover: Discover,
    /// Checking relays.
    pub check: Check,
    /// Telling others of the checks (NIP-66).
    pub publish: Publish,
    /// Fetching and keeping what relays hold.
    pub archive: Archive,
    /// Counting what the archive has.
    pub statistics: Statistics,
    /// Telling operators of relays that they watch.
    pub alert: Alert,
    /// Writing the archive out.
    pub export: Export,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("observatory.{key}: {problem}")]
pub struct ConfigError {
    /// The key, dotted, below `observatory`.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl Config {
    /// Checks what the types do not show (O5.2). Reads no file.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.connections.check()?;
        self.discover.check()?;
        self.check.check()?;
        self.publish.check()?;
        self.archive.check()?;
        self.alert.check()?;
        self.export.check()
    }
}

/// Refuses numbers that are out of range.
pub(crate) fn ranges(
    section: &str,
    values: &[(&str, u64, RangeInclusive<u64>)],
) -> Result<(), ConfigError> {
    for (key, value, range) in values {
        if !range.contains(value) {
            let problem = format!(
                "{value} is not between {} and {}",
                range.start(),
                range.end()
            );
            return Err(ConfigError::new(format!("{section}.{key}"), problem));
        }
    }
    Ok(())
}

/// Refuses what is no relay's URL in a list.
pub(crate) fn relays(section: &str, key: &str, urls: &[String]) -> Result<(), ConfigError> {
    for (index, url) in urls.iter().enumerate() {
        if let Err(error) = crate::relay_url::RelayUrl::parse(url) {
            let key = format!("{section}.{key}[{index}]");
            return Err(ConfigError::new(key, error.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str) -> String {
        let config: Config = serde_json::from_str(json).unwrap();
        config.check().unwrap_err().key
    }

    #[test]
    fn o5_2_defaults_can_be_used() {
        Config::default().check().unwrap();
    }

    #[test]
    fn o5_2_what_cannot_be_used_is_named() {
        assert_eq!(key(r#"{"connections":{"total":0}}"#), "connections.total");
        assert_eq!(key(r#"{"archive":{"first":["x"]}}"#), "archive.first[0]");
        assert_eq!(key(r#"{"publish":{"geohash":"a"}}"#), "publish.geohash");
        assert!(serde_json::from_str::<Config>(r#"{"x":1}"#).is_err());
    }
}
