//! What an import did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stentor_store::{Outcome, Refusal};

/// Reasons of invalid lines are counted apart up to this many; those beyond are counted together.
const MAX_REASONS: usize = 100;
/// Bad lines that are named one by one.
const MAX_EXAMPLES: usize = 10;

/// What became of the lines of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Stored, durably.
    pub accepted: u64,
    /// Already there.
    pub duplicate: u64,
    /// A newer version is stored.
    pub superseded: u64,
    /// Deleted at the author's or recipient's request.
    pub deleted: u64,
    /// The author has asked to vanish.
    pub vanished: u64,
    /// Expired.
    pub expired: u64,
    /// Ephemeral: valid, and not stored by nature.
    pub ephemeral: u64,
    /// Not valid, or banned by the operator: how many by reason.
    pub invalid: BTreeMap<String, u64>,
    /// Refused by a plugin, where plugins are asked.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub refused: u64,
    /// Left out by the filter.
    pub filtered: u64,
    /// Lines read, those of white space not counted.
    pub lines: u64,
    /// The first bad lines.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub examples: Vec<BadLine>,
    /// Whether the import was stopped before the end of its input.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub stopped: bool,
}

/// A line that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Its number in the input, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Summary {
    /// Counts a bad line.
    pub fn bad(&mut self, line: u64, reason: &str) {
        // Where in the line something is wrong tells the lines apart, not the reasons.
        let general = reason.split(" at byte ").next().unwrap_or(reason);
        self.count_invalid(general.to_owned(), 1);
        self.example(line, reason);
    }

    /// Counts a line whose event a plugin refuses.
    pub fn refuse(&mut self, line: u64, reason: &str) {
        self.refused += 1;
        self.example(line, reason);
    }

    fn example(&mut self, line: u64, reason: &str) {
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(BadLine {
                line,
                reason: reason.to_owned(),
            });
        }
    }

    /// Counts what the store made of the event on this line.
    ///
    /// # Errors
    /// The store's words when it cannot write.
    pub fn count(&mut self, line: u64, outcome: Outcome) -> Result<(), String> {
        match outcome {
            Outcome::Stored(_) => self.accepted += 1,
            Outcome::Duplicate => self.duplicate += 1,
            Outcome::Ephemeral => self.ephemeral += 1,
            Outcome::Refused(Refusal::Superseded) => self.superseded += 1,
            Outcome::Refused(Refusal::Deleted) => self.deleted += 1,
            Outcome::Refused(Refusal::Vanished) => self.vanished += 1,
            Outcome::Refused(Refusal::Expired) => self.expired += 1,
            Outcome::Refused(Refusal::Unavailable(why)) => return Err(why),
            Outcome::Refused(reason) => self.bad(line, &reason.to_string()),
        }
        Ok(())
    }

    /// Adds what was found out about a later part of the input.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.superseded += other.superseded;
        self.deleted += other.deleted;
        self.vanished += other.vanished;
        self.expired += other.expired;
        self.ephemeral += other.ephemeral;
        self.refused += other.refused;
        self.filtered += other.filtered;
        self.lines += other.lines;
        self.stopped |= other.stopped;
        for (reason, count) in other.invalid {
            self.count_invalid(reason, count);
        }
        let room = MAX_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }

    fn count_invalid(&mut self, reason: String, count: u64) {
        let known = self.invalid.contains_key(&reason) || self.invalid.len() < MAX_REASONS;
        let reason = if known {
            reason
        } else {
            "other reasons".to_owned()
        };
        *self.invalid.entry(reason).or_default() += count;
    }

    /// How many lines were not valid.
    #[cfg(test)]
    fn invalid_total(&self) -> u64 {
        self.invalid.values().sum()
    }
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_4_reasons_are_bounded() {
        let mut summary = Summary::default();
        for index in 0..1_000 {
            summary.bad(index, &format!("reason {index}"));
        }
        assert_eq!(summary.invalid.len(), MAX_REASONS + 1);
        assert_eq!(summary.invalid_total(), 1_000);
        assert_eq!(summary.examples.len(), MAX_EXAMPLES);
    }

    #[test]
    fn r5_4_parts_add_up() {
        let mut whole = Summary {
            accepted: 1,
            lines: 2,
            ..Summary::default()
        };
        whole.bad(2, "odd");
        let mut part = Summary {
            duplicate: 3,
            lines: 4,
            ..Summary::default()
        };
        part.bad(5, "odd");
        whole.add(part);
        assert_eq!(
            (
                whole.accepted,
                whole.duplicate,
                whole.lines,
                whole.invalid_total()
            ),
            (1, 3, 6, 2)
        );
        assert_eq!(
            whole
                .examples
                .iter()
                .map(|bad| bad.line)
                .collect::<Vec<_>>(),
            [2, 5]
        );
    }
}
