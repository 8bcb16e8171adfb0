//! Programs of the operator's that decide about events.

use std::collections::{BTreeMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{ConfigError, KindSet, in_range};

/// Longest answer that may be allowed, in bytes.
const ANSWER_BYTES: u64 = 1 << 20;
/// Longest pause before a restart, in milliseconds.
const PAUSE_MS: u64 = 3_600_000;

/// A program that decides about events by strfry's protocol: one JSON object in a line on its standard input for each
/// event, one in a line on its standard output for each answer. Its standard error goes to the log. It is started with
/// the relay, and again when it ends, is stuck, writes nonsense, or one of its files changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Plugin {
    /// Its name in metrics and logs.
    pub name: String,
    /// The program and its arguments. For a shell's work, name the shell: `["/bin/sh", "-c", "…"]`.
    pub command: Vec<String>,
    /// The folder it runs in; a program with a `/` in its name is looked for from there. Empty: that of the relay.
    pub directory: String,
    /// Kinds about which it is asked; empty: all.
    pub kinds: KindSet,
    /// Where events come from about which it is asked: `IP4` and `IP6` are clients, `Stream` a mirror, `Sync` a
    /// synchronisation, `Import` an import, `Stored` events on their way to another relay.
    pub source_types: Vec<SourceType>,
    /// How many processes of it run. Each sees the events of a part of the authors, and always of the same ones.
    #[schemars(range(min = 1, max = 64))]
    pub workers: usize,
    /// How long it may take for one event, counted from when the event came. A process that answers nothing for so long
    /// is ended and started again.
    #[schemars(range(min = 1, max = 60000))]
    pub timeout_ms: u64,
    /// Questions that one process is sent before it has answered. 1: one after the other, as strfry does.
    #[schemars(range(min = 1, max = 4096))]
    pub in_flight: usize,
    /// Events that may wait for it; further ones are treated as if it had failed.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub waiting: usize,
    /// Bytes of one answer at most.
    #[schemars(range(min = 256, max = 1_048_576))]
    pub answer_bytes: usize,
    /// What becomes of an event for which it gives no answer: it ended, took too long, or wrote nonsense.
    pub on_failure: OnFailure,
    /// The pause before the second restart in a row; each further one takes twice as long. The first is at once.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub restart_ms: u64,
    /// The longest pause before a restart.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub restart_most_ms: u64,
    /// Files that it is started again for when they change, beside the program itself, such as lists that it reads.
    pub watch: Vec<String>,
    /// Lines of its standard error that are logged in a second; further ones are counted. 0: none.
    #[schemars(range(max = 10000))]
    pub log_lines: u32,
    /// Environment variables that it is given beside those of the relay. Variables that configure the relay are not
    /// passed on.
    pub environment: BTreeMap<String, String>,
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

/// Where an event comes from, in the words of strfry's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SourceType {
    /// A client with an IPv4 address.
    #[serde(rename = "IP4")]
    Ip4,
    /// A client with an IPv6 address.
    #[serde(rename = "IP6")]
    Ip6,
    /// An import.
    Import,
    /// A live stream from another relay.
    Stream,
    /// A synchronisation with another relay.
    Sync,
    /// The store: the event is on its way to another relay.
    Stored,
}

impl SourceType {
    /// The word of the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip4 => "IP4",
            Self::Ip6 => "IP6",
            Self::Import => "Import",
            Self::Stream => "Stream",
            Self::Sync => "Sync",
            Self::Stored => "Stored",
        }
    }

    /// Whether a client waits for the answer.
    pub const fn is_client(self) -> bool {
        matches!(self, Self::Ip4 | Self::Ip6)
    }
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            name: String::new(),
            command: Vec::new(),
            directory: String::new(),
            kinds: KindSet::default(),
            source_types: vec![
                SourceType::Ip4,
                SourceType::Ip6,
                SourceType::Stream,
                SourceType::Sync,
            ],
            workers: 1,
            timeout_ms: 10_000,
            in_flight: 64,
            waiting: 1_024,
            answer_bytes: 8_192,
            on_failure: OnFailure::Refuse,
            restart_ms: 100,
            restart_most_ms: 30_000,
            watch: Vec::new(),
            log_lines: 20,
            environment: BTreeMap::new(),
        }
    }
}

impl Plugin {
    fn check(&self, at: impl Fn(&str) -> String) -> Result<(), ConfigError> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err(ConfigError::new(at("command"), "names no program"));
        }
        let texts = self.command.iter().chain([&self.directory]);
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Err(ConfigError::new(at("command"), "has a NUL in it"));
        }
        let variable = |name: &String| name.is_empty() || name.contains('=') || name.contains('\0');
        if self.environment.keys().any(variable)
            || self.environment.values().any(|value| value.contains('\0'))
        {
            return Err(ConfigError::new(
                at("environment"),
                "has a name or a value that no variable can have",
            ));
        }
        let within =
            |field: &str, value: usize, range| in_range(&at(field), value as u64, range, false);
        within("workers", self.workers, 1..=64)?;
        in_range(&at("timeout_ms"), self.timeout_ms, 1..=60_000, false)?;
        within("in_flight", self.in_flight, 1..=4_096)?;
        within("waiting", self.waiting, 1..=1 << 20)?;
        within("answer_bytes", self.answer_bytes, 256..=ANSWER_BYTES)?;
        in_range(&at("restart_ms"), self.restart_ms, 1..=PAUSE_MS, false)?;
        in_range(
            &at("restart_most_ms"),
            self.restart_most_ms,
            1..=PAUSE_MS,
            false,
        )?;
        in_range(
            &at("log_lines"),
            u64::from(self.log_lines),
            1..=10_000,
            true,
        )
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
        plugin.check(at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Plugin {
        Plugin {
            name: name.into(),
            command: vec!["/bin/true".into()],
            ..Plugin::default()
        }
    }

    #[test]
    fn r4_3_plugins_have_names_and_programs() {
        assert!(check(&[named("a"), named("b")]).is_ok());
        let key = |plugins: &[Plugin]| check(plugins).unwrap_err().key;
        assert_eq!(key(&[named("a"), named("a")]), "policy.plugins[1].name");
        assert_eq!(key(&[named("")]), "policy.plugins[0].name");
        for (change, field) in [
            (
                (|plugin| plugin.command.clear()) as fn(&mut Plugin),
                "command",
            ),
            (|plugin| plugin.command = vec![String::new()], "command"),
            (|plugin| plugin.command.push("\0".into()), "command"),
            (|plugin| plugin.workers = 0, "workers"),
            (|plugin| plugin.timeout_ms = 60_001, "timeout_ms"),
            (|plugin| plugin.in_flight = 0, "in_flight"),
            (|plugin| plugin.waiting = 0, "waiting"),
            (|plugin| plugin.answer_bytes = 255, "answer_bytes"),
            (|plugin| plugin.restart_ms = 0, "restart_ms"),
            (
                |plugin| drop(plugin.environment.insert("A=B".into(), String::new())),
                "environment",
            ),
        ] {
            let mut plugin = named("a");
            change(&mut plugin);
            assert_eq!(key(&[plugin]), format!("policy.plugins[0].{field}"));
        }
    }

    #[test]
    fn r4_3_source_types_are_the_words_of_the_protocol() {
        for source in [
            SourceType::Ip4,
            SourceType::Ip6,
            SourceType::Import,
            SourceType::Stream,
            SourceType::Sync,
            SourceType::Stored,
        ] {
            let word = serde_json::to_value(source).unwrap();
            assert_eq!(word, source.as_str());
        }
    }
}
