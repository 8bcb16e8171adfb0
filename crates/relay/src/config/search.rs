//! Full-text search.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::{Kind, VisibilityRules};
use stentor_store::search::{Options, Rules, Trust};

use super::{ConfigError, in_range};

/// What is searched by default: profiles, notes, threads, pictures, videos, channels, files, polls, comments, chat, code, git,
/// highlights, market stalls, articles, live events, classifieds, repositories, wikis, calendars, applications and
/// communities. Reposts and reactions repeat what is found anyway.
const KINDS: [u16; 34] = [
    0, 1, 9, 11, 20, 21, 22, 40, 41, 42, 1063, 1068, 1111, 1311, 1337, 1617, 1618, 1621, 9802,
    30017, 30018, 30023, 30311, 30402, 30617, 30818, 31922, 31923, 31990, 34235, 34236, 34550,
    39000, 39089,
];

/// Full-text search (NIP-50).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Whether clients may search. Off, the index is neither kept nor opened, and requests with `search` are refused.
    pub enabled: bool,
    /// Kinds whose events can be found. Kinds 4, 445, 1059, 21059 and those of `relay.privacy.kinds` never can, even when
    /// they are listed. A change has the index made anew.
    pub kinds: Vec<u16>,
    /// Words that one `search` may have, 1 to 1,000; of scripts without spaces each pair of characters is one.
    #[schemars(range(min = 1, max = 1000))]
    pub words: usize,
    /// Hits of one filter that are looked at in the store, 100 to 1,000,000. A COUNT of more is an estimate.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub examined: usize,
    /// Milliseconds that the index may take for one filter, 10 to 60,000; above it, the request ends with CLOSED.
    #[schemars(range(min = 10, max = 60000))]
    pub time_ms: u64,
    /// Searches that are worked on at once, 1 to 64.
    #[schemars(range(min = 1, max = 64))]
    pub concurrent: usize,
    /// Searches that wait for their turn, at most 100,000; more are refused.
    #[schemars(range(max = 100_000))]
    pub waiting: usize,
    /// Milliseconds that a search waits at most for the index to take in what was stored before it, at most 60,000.
    /// 0: it never waits, and what was stored in the last `commit_ms` may be missing.
    #[schemars(range(max = 60000))]
    pub fresh_ms: u64,
    /// Milliseconds after which new events are in the index even when nobody searches, 10 to 600,000.
    #[schemars(range(min = 10, max = 600_000))]
    pub commit_ms: u64,
    /// Changes of the store after which the index is committed while it catches up, 100 to 1,000,000.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub commit_changes: u64,
    /// Memory for what is not yet written to a file of the index, in bytes, 15 MB to 4 GB.
    #[schemars(range(min = 15_000_000, max = 4_000_000_000_u64))]
    pub memory_bytes: usize,
}

impl Default for Search {
    fn default() -> Self {
        let options = Options::default();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            enabled: true,
            kinds: KINDS.to_vec(),
            words: 64,
            examined: options.examined,
            time_ms: millis(options.time),
            concurrent: options.concurrent,
            waiting: options.waiting,
            fresh_ms: millis(options.fresh_within),
            commit_ms: millis(options.commit_every),
            commit_changes: options.commit_changes,
            memory_bytes: options.memory_bytes,
        }
    }
}

impl Search {
    /// What the index is opened with.
    pub fn options(&self) -> Options {
        Options {
            memory_bytes: self.memory_bytes,
            commit_every: Duration::from_millis(self.commit_ms),
            commit_changes: self.commit_changes,
            fresh_within: Duration::from_millis(self.fresh_ms),
            concurrent: self.concurrent,
            waiting: self.waiting,
            examined: self.examined,
            time: Duration::from_millis(self.time_ms),
        }
    }

    /// What can be found, under the rules on who sees what; `trust` is asked about names and spam.
    pub fn rules(&self, visibility: &VisibilityRules, trust: Trust) -> Arc<Rules> {
        let kinds = self.kinds.iter().copied().map(Kind);
        Arc::new(Rules::new(kinds, |kind| !visibility.is_open(kind), trust))
    }

    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        in_range("search.words", self.words as u64, 1..=1_000, false)?;
        in_range(
            "search.examined",
            self.examined as u64,
            100..=1_000_000,
            false,
        )?;
        in_range("search.time_ms", self.time_ms, 10..=60_000, false)?;
        in_range("search.concurrent", self.concurrent as u64, 1..=64, false)?;
        in_range("search.waiting", self.waiting as u64, 0..=100_000, false)?;
        in_range("search.fresh_ms", self.fresh_ms, 0..=60_000, false)?;
        in_range("search.commit_ms", self.commit_ms, 10..=600_000, false)?;
        in_range(
            "search.commit_changes",
            self.commit_changes,
            100..=1_000_000,
            false,
        )?;
        let least = Options::LEAST_MEMORY as u64;
        in_range(
            "search.memory_bytes",
            self.memory_bytes as u64,
            least..=4_000_000_000,
            false,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Privacy;

    #[test]
    fn r6_private_kinds_cannot_be_configured_to_be_searched() {
        let search = Search {
            kinds: vec![1, 4, 445, 1059, 21059, 30_078],
            ..Search::default()
        };
        let privacy = Privacy {
            kinds: vec![30_078],
        };
        let rules = search.rules(&privacy.rules(), Trust::default());
        assert_eq!(rules.kinds(), [Kind(1)]);
    }

    #[test]
    fn r6_the_options_are_those_configured() {
        assert_eq!(Search::default().options(), Options::default());
        let search = Search {
            memory_bytes: 1,
            ..Search::default()
        };
        assert_eq!(search.check().unwrap_err().key, "search.memory_bytes");
    }
}
