//! Programs of the operator's that decide about events.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{ConfigError, in_range};

/// A program that decides about events by strfry's protocol: one JSON object in a line on its standard input for each
/// event, one in a line on its standard output for each answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Plugin {
    /// Its name in metrics and logs.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How many processes of it run. Each sees a part of the events, so a program that remembers events should have one.
    #[schemars(range(min = 1, max = 64))]
    pub workers: usize,
    /// How long it may take for one event.
    #[schemars(range(min = 1, max = 60000))]
    pub timeout_ms: u64,
    /// Events that may wait for it; further ones are treated as if it had failed.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub waiting: usize,
    /// What becomes of an event for which it gives no answer: it ended, took too long, or wrote nonsense.
    pub on_failure: OnFailure,
}

/// What becomes of an event for which a plugin gives no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It is refused with `error:`; the author may try again.
    #[default]
    Refuse,
    /// It is taken as if the plugin had accepted it.
    Accept,
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            name: String::new(),
            command: Vec::new(),
            workers: 1,
            timeout_ms: 5_000,
            waiting: 1_024,
            on_failure: OnFailure::Refuse,
        }
    }
}

/// Checks names, commands and ranges.
pub(super) fn check(plugins: &[Plugin]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    for (index, plugin) in plugins.iter().enumerate() {
        let at = |field: &str| format!("policy.plugins[{index}].{field}");
        if plugin.name.is_empty() || !names.insert(&plugin.name) {
            return Err(ConfigError::new(
                at("name"),
                "every plugin needs a name of its own",
            ));
        }
        if plugin.command.first().is_none_or(String::is_empty) {
            return Err(ConfigError::new(at("command"), "names no program"));
        }
        in_range(&at("workers"), plugin.workers as u64, 1..=64, false)?;
        in_range(&at("timeout_ms"), plugin.timeout_ms, 1..=60_000, false)?;
        in_range(&at("waiting"), plugin.waiting as u64, 1..=1 << 20, false)?;
    }
    Ok(())
}
