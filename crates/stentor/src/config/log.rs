//! The `[log]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged, and how. Logs go to standard error; they never hold a token, a key or the content of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The form of a line: `human`, `json` (one object a line), or `auto`, which is `human` on a terminal and where
    /// the service manager reads lines.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, or a list of these by module such as
    /// `info,stentor_relay=debug`.
    pub level: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human, with colours on a terminal.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            level: "info".to_owned(),
        }
    }
}

impl LogConfig {
    /// Faults that the types do not show.
    pub fn check(&self) -> Vec<(String, String)> {
        let parsed = tracing_subscriber::EnvFilter::builder().parse(&self.level);
        parsed
            .err()
            .map(|error| ("log.level".to_owned(), error.to_string()))
            .into_iter()
            .collect()
    }
}
