//! `[observatory.archive]`: fetching and keeping what relays hold (O3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::Filter;

use super::{ConfigError, ranges, relays};

/// Fetching and keeping what relays hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Archive {
    /// Whether events are archived.
    pub enabled: bool,
    /// What is fetched: filters (NIP-01) as JSON, without `limit`. None: everything.
    pub filters: Vec<String>,
    /// The oldest time that is asked for, in Unix seconds.
    pub since: u64,
    /// Seconds between two visits to a relay that is complete but for what is new.
    #[schemars(range(min = 1, max = 604800))]
    pub interval_seconds: u64,
    /// Relays that are fetched from at once.
    #[schemars(range(min = 1, max = 4096))]
    pub parallel: usize,
    /// Relays that new events are taken from as they come, which gives true first-seen times. The best are chosen.
    #[schemars(range(max = 4096))]
    pub live: usize,
    /// Relays that come first and have their own share of the connections.
    pub first: Vec<String>,
    /// Relays that are never asked.
    pub never: Vec<String>,
    /// Relays that we tell who we are when they ask (NIP-42).
    pub auth: Vec<String>,
    /// The file with the secret key (hex or nsec) that we say we are, relative to the data folder. Without one, the monitor's.
    pub key_file: Option<String>,
    /// Events to ask for in one page.
    #[schemars(range(min = 1, max = 5000))]
    pub page_events: u64,
    /// Events a second that are taken from one relay in the long run; above it, the connection is not read.
    pub events_per_second: u32,
    /// Megabytes of received events that wait for the store, for all relays together; above it, no connection is read.
    #[schemars(range(min = 1, max = 4096))]
    pub waiting_megabytes: usize,
    /// Seconds that one turn of a relay may take before others have theirs; the page under way is still waited for.
    #[schemars(range(min = 1, max = 86400))]
    pub turn_seconds: u64,
    /// Hours over which all of the past is looked at a second time, for events that came later with an old date. 0: never.
    pub second_look_hours: u64,
    /// Seconds into the future that an event's time may lie.
    pub future_seconds: u64,
    /// Days that events are kept, by their time. 0: for ever.
    pub keep_days: u64,
    /// Events that are remembered as known, so that further copies cost next to nothing. Each takes 16 bytes.
    #[schemars(range(min = 1024, max = 100000000))]
    pub known: usize,
}

impl Default for Archive {
    fn default() -> Self {
        Self {
            enabled: true,
            filters: Vec::new(),
            since: 1_577_836_800,
            interval_seconds: 600,
            parallel: 32,
            live: 16,
            first: Vec::new(),
            never: Vec::new(),
            auth: Vec::new(),
            key_file: None,
            page_events: 500,
            events_per_second: 2_000,
            waiting_megabytes: 64,
            turn_seconds: 120,
            second_look_hours: 168,
            future_seconds: 900,
            keep_days: 0,
            known: 4_000_000,
        }
    }
}

impl Archive {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (index, text) in self.filters.iter().enumerate() {
            let key = || format!("archive.filters[{index}]");
            let filter = Filter::parse(text.as_bytes())
                .map_err(|error| ConfigError::new(key(), error.to_string()))?;
            if filter.limit.is_some() || filter.search.is_some() {
                return Err(ConfigError::new(
                    key(),
                    "must have neither limit nor search",
                ));
            }
        }
        for (key, urls) in [
            ("first", &self.first),
            ("never", &self.never),
            ("auth", &self.auth),
        ] {
            relays("archive", key, urls)?;
        }
        ranges(
            "archive",
            &[
                ("interval_seconds", self.interval_seconds, 1..=604_800),
                ("parallel", self.parallel as u64, 1..=4_096),
                ("live", self.live as u64, 0..=4_096),
                ("page_events", self.page_events, 1..=5_000),
                (
                    "waiting_megabytes",
                    self.waiting_megabytes as u64,
                    1..=4_096,
                ),
                ("turn_seconds", self.turn_seconds, 1..=86_400),
                ("known", self.known as u64, 1_024..=100_000_000),
            ],
        )
    }

    /// The oldest time that is asked for at this time, in Unix seconds: what would leave at once is not fetched.
    #[must_use]
    pub fn oldest(&self, now: u64) -> u64 {
        let kept = self.keep_days.saturating_mul(86_400);
        let cutoff = if kept == 0 {
            0
        } else {
            now.saturating_sub(kept)
        };
        self.since.max(cutoff)
    }

    /// The filters to fetch by; one that matches everything when none are configured.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        let read = self.filters.iter();
        let filters: Vec<Filter> = read
            .filter_map(|text| Filter::parse(text.as_bytes()).ok())
            .collect();
        if filters.is_empty() {
            return vec![Filter::default()];
        }
        filters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o3_8_what_would_leave_at_once_is_not_asked_for() {
        let archive = |since, keep_days| Archive {
            since,
            keep_days,
            ..Archive::default()
        };
        let now = 100 * 86_400;
        assert_eq!(archive(500, 0).oldest(now), 500);
        assert_eq!(archive(500, 10).oldest(now), 90 * 86_400);
        assert_eq!(archive(95 * 86_400, 10).oldest(now), 95 * 86_400);
        assert_eq!(archive(500, 1_000).oldest(now), 500);
    }
}
