//! `[observatory.discover]`: finding relays (O1).

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json_path::JsonPath;

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
    /// Lists on web servers, 100 at most.
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
    /// Candidates that are remembered at most; beyond it, new mentions are not taken up. Mentions in events and documents fill no
    /// more than nine tenths: the rest is for the seeds and lists that are configured.
    #[schemars(range(min = 1, max = 10000000))]
    pub candidates: usize,
    /// Relays at most. Those that the configuration names, or somebody watches, are taken up beyond it.
    #[schemars(range(min = 1, max = 10000000))]
    pub relays: usize,
    /// Relays of one host at most, whatever their schemes, ports and paths; and as many candidates, with 8 more. Those that the
    /// configuration names, or somebody watches, are taken up beyond it, and so is the host itself without port and path. Each name
    /// below a domain is a host of its own.
    #[schemars(range(min = 1, max = 1000000))]
    pub relays_per_host: usize,
    /// Candidates that are tried at once.
    #[schemars(range(min = 1, max = 4096))]
    pub parallel: usize,
    /// Seconds that a candidate has to answer, once there is a connection.
    #[schemars(range(min = 1, max = 300))]
    pub answer_seconds: u64,
}

/// A list of relays on a web server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpList {
    /// Where it is: `https://…`.
    pub url: String,
    /// Where in its JSON the URLs are: a JSONPath expression (RFC 9535), `$[*]` by default.
    pub path: Option<String>,
    /// Minutes between two looks at it, a week at most.
    #[schemars(range(min = 1, max = 10080))]
    pub interval_minutes: u64,
}

impl Default for HttpList {
    fn default() -> Self {
        Self {
            url: String::new(),
            path: None,
            interval_minutes: 60,
        }
    }
}

impl HttpList {
    /// Where in its JSON the URLs are.
    pub(crate) fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("$[*]")
    }

    /// The time between two looks at it.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(60 * self.interval_minutes)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let http = self.url.starts_with("https://") || self.url.starts_with("http://");
        if !http {
            let problem = "begins with neither https:// nor http://";
            return Err(("url", problem.to_owned()));
        }
        if let Err(error) = JsonPath::parse(self.path()) {
            return Err(("path", error.to_string()));
        }
        if !INTERVAL_MINUTES.contains(&self.interval_minutes) {
            let problem = "is not between 1 and 10080 (a week)";
            return Err(("interval_minutes", problem.to_owned()));
        }
        Ok(())
    }
}

/// What the time between two looks at a list may be.
const INTERVAL_MINUTES: RangeInclusive<u64> = 1..=10_080;
/// The most lists.
const MAX_LISTS: usize = 100;

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
            relays: 50_000,
            relays_per_host: 16,
            parallel: 64,
            answer_seconds: 10,
        }
    }
}

impl Discover {
    /// The time between two looks for new mentions.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        relays("discover", "seeds", &self.seeds)?;
        if self.lists.len() > MAX_LISTS {
            let problem = format!("there are more than {MAX_LISTS}");
            return Err(ConfigError::new("discover.lists", problem));
        }
        for (index, list) in self.lists.iter().enumerate() {
            if let Err((key, problem)) = list.check() {
                let key = format!("discover.lists[{index}].{key}");
                return Err(ConfigError::new(key, problem));
            }
        }
        ranges(
            "discover",
            &[
                ("interval_seconds", self.interval_seconds, 1..=86_400),
                ("retry_seconds", self.retry_seconds, 1..=86_400),
                ("forget_days", self.forget_days, 1..=3_650),
                ("candidates", self.candidates as u64, 1..=10_000_000),
                ("relays", self.relays as u64, 1..=10_000_000),
                (
                    "relays_per_host",
                    self.relays_per_host as u64,
                    1..=1_000_000,
                ),
                ("parallel", self.parallel as u64, 1..=4_096),
                ("answer_seconds", self.answer_seconds, 1..=300),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str) -> String {
        let config: Discover = serde_json::from_str(json).unwrap();
        config.check().unwrap_err().key
    }

    #[test]
    fn o5_2_there_is_room_for_one_relay_at_least() {
        assert_eq!(key(r#"{"relays":0}"#), "discover.relays");
        assert_eq!(key(r#"{"relays_per_host":0}"#), "discover.relays_per_host");
    }

    #[test]
    fn o5_2_lists_that_cannot_be_used_are_named() {
        let list =
            |fields: &str| format!(r#"{{"lists":[{{"url":"https://a.example",{fields}}}]}}"#);
        assert_eq!(key(&list(r#""path":"$[""#)), "discover.lists[0].path");
        let minutes = "discover.lists[0].interval_minutes";
        assert_eq!(key(&list(r#""interval_minutes":0"#)), minutes);
        assert_eq!(key(r#"{"lists":[{"url":"x"}]}"#), "discover.lists[0].url");
        let many = vec![HttpList::default(); MAX_LISTS + 1];
        let many = Discover {
            lists: many,
            ..Discover::default()
        };
        assert_eq!(many.check().unwrap_err().key, "discover.lists");
        let good = list(r#""path":"$.relays[*].url""#);
        let good: Discover = serde_json::from_str(&good).unwrap();
        good.check().unwrap();
    }
}
