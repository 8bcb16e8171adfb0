//! What events must not say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{ConfigError, KindSet, in_range};

/// What becomes of an event that a rule about contents does not like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is refused, and its author is told why.
    #[default]
    Refuse,
    /// It is answered as if it had been taken, and thrown away.
    Shadow,
    /// It is taken, and waits in the moderation queue.
    Review,
}

/// Words and addresses that events must not contain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// Words and phrases, in any case; whole words only, unless written with `*` at an end.
    pub words: Vec<String>,
    /// Host names; an address on one of them or below one of them is a hit.
    pub hosts: Vec<String>,
    /// Files with one word or phrase in each line, `#` before remarks; `host:` before a host name. Read at the start and
    /// at a reload.
    pub files: Vec<String>,
    /// Kinds that are looked at.
    pub kinds: KindSet,
    /// What becomes of a hit.
    pub action: Action,
}

/// Nearly the same text again and again, whoever writes it. Case, white space, digits, addresses and mentions make no
/// difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bursts {
    /// How many events with nearly the same text are taken within the time. 0: any number.
    #[schemars(range(max = 1000))]
    pub copies: u32,
    /// The time.
    #[schemars(range(min = 1, max = 86400))]
    pub window_seconds: u64,
    /// Letters that a text must have to be looked at: people greet each other with the same words.
    pub min_chars: usize,
    /// Texts remembered, 1,024 to 1,048,576.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub texts: usize,
    /// Kinds that are looked at.
    pub kinds: KindSet,
    /// What becomes of a hit.
    pub action: Action,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            hosts: Vec::new(),
            files: Vec::new(),
            kinds: [0, 1, 6, 16, 20, 1111, 30_023].into(),
            action: Action::Refuse,
        }
    }
}

impl Default for Bursts {
    fn default() -> Self {
        Self {
            copies: 0,
            window_seconds: 600,
            min_chars: 40,
            texts: 65_536,
            kinds: [1, 42, 1111].into(),
            action: Action::Refuse,
        }
    }
}

impl Words {
    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.hosts.is_empty() && self.files.is_empty()
    }

    /// Checks that words have letters.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, list) in [("words", &self.words), ("hosts", &self.hosts)] {
            let empty = |text: &String| !text.chars().any(char::is_alphanumeric);
            if let Some(index) = list.iter().position(empty) {
                return Err(ConfigError::new(
                    format!("policy.words.{key}[{index}]"),
                    "has no letter and no digit",
                ));
            }
        }
        Ok(())
    }
}

impl Bursts {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range(
            "policy.bursts.copies",
            u64::from(self.copies),
            0..=1_000,
            true,
        )?;
        in_range(
            "policy.bursts.window_seconds",
            self.window_seconds,
            1..=86_400,
            false,
        )?;
        in_range(
            "policy.bursts.texts",
            self.texts as u64,
            1_024..=1 << 20,
            false,
        )
    }
}
