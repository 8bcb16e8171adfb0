//! `[observatory.discover]`: finding relays (O1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, ranges, relays};

/// Finding relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Discover {
    /// Whether relays are looked for. Without it, those that are known are checked and archived all the same.
    pub enabled: bool,
    /// Whether to begin with the relays that are built in.
    pub built_in: bool,
    /// Relays to begin with.
    pub seeds: Vec<String>,
    /// A file of relays to begin with, one a line; `#` begins a comment. Relative to the data folder.
    pub seed_file: Option<String>,
    /// Whether mentions in events are followed: those of this relay and those of the archive.
    pub events: bool,
    /// Whether the NIP-11 documents of relays are searched for further relays.
    pub documents: bool,
    /// Lists on web servers.
    pub lists: Vec<HttpList>,
    /// Seconds between two looks for new mentions.
    #[schemars(range(min = 1, max = 86400))]
    pub interval_seconds: u64,
    /// Seconds until a candidate is tried again that did not answer; it doubles each time, up to a week.
    #[schemars(range(min = 1, max = 86400))]
    pub retry_seconds: u64,
    /// Days after which a candidate that never answered is forgotten, unless it is mentioned again.
    #[schemars(range(min = 1, max = 3650))]
    pub forget_days: u64,
    /// Candidates that are remembered at most; beyond it, new mentions are not taken up.
    #[schemars(range(min = 1, max = 10000000))]
    pub candidates: usize,
    /// Candidates that are tried at once.
    #[schemars(range(min = 1, max = 4096))]
    pub parallel: usize,
    /// Seconds that a candidate has to answer, once there is a connection.
    #[schemars(range(min = 1, max = 300))]
    pub answer_seconds: u64,
}

/// A list of relays on a web server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpList {
    /// Where it is: `https://…`.
    pub url: String,
    /// Where in its JSON the URLs are: a JSONPath expression (RFC 9535), `$[*]` by default.
    pub path: Option<String>,
    /// Minutes between two looks at it, 60 by default.
    pub interval_minutes: Option<u64>,
}

impl Default for Discover {
    fn default() -> Self {
        Self {
            enabled: true,
            built_in: true,
            seeds: Vec::new(),
            seed_file: None,
            events: true,
            documents: true,
            lists: Vec::new(),
            interval_seconds: 60,
            retry_seconds: 300,
            forget_days: 30,
            candidates: 200_000,
            parallel: 64,
            answer_seconds: 10,
        }
    }
}

impl Discover {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        relays("discover", "seeds", &self.seeds)?;
        for (index, list) in self.lists.iter().enumerate() {
            let http = list.url.starts_with("https://") || list.url.starts_with("http://");
            if !http {
                let key = format!("discover.lists[{index}].url");
                return Err(ConfigError::new(
                    key,
                    "begins with neither https:// nor http://",
                ));
            }
            if list.interval_minutes == Some(0) {
                let key = format!("discover.lists[{index}].interval_minutes");
                return Err(ConfigError::new(key, "must not be 0"));
            }
        }
        ranges(
            "discover",
            &[
                ("interval_seconds", self.interval_seconds, 1..=86_400),
                ("retry_seconds", self.retry_seconds, 1..=86_400),
                ("forget_days", self.forget_days, 1..=3_650),
                ("candidates", self.candidates as u64, 1..=10_000_000),
                ("parallel", self.parallel as u64, 1..=4_096),
                ("answer_seconds", self.answer_seconds, 1..=300),
            ],
        )
    }
}
