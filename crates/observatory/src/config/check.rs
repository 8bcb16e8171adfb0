//! `[observatory.check]`: checking relays (O2.1 to O2.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, ranges};
use crate::relay_url::{Network, RelayUrl};

/// Checking relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Check {
    /// Whether relays are checked.
    pub enabled: bool,
    /// Seconds between two checks of a relay. One that is offline for long is checked more rarely, up to once a day.
    #[schemars(range(min = 1, max = 604800))]
    pub interval_seconds: u64,
    /// Relays that are checked at once. As many are begun in a second, at most.
    #[schemars(range(min = 1, max = 4096))]
    pub parallel: usize,
    /// Seconds that a relay has for each answer.
    #[schemars(range(min = 1, max = 300))]
    pub answer_seconds: u64,
    /// How often a relay is tried again within a check, when what went wrong may pass. One that was offline before is tried once.
    #[schemars(range(max = 10))]
    pub retries: u64,
    /// What is written to find out whether a relay takes events.
    pub write: WriteTest,
    /// Hosts (`host:port`) that are connected to when nobody could be reached in the time of a check: without any of them, it is our
    /// own network that is down, and the checks say nothing. Where none of them can be reached any more, some relays that were online of
    /// late are asked as well. Where none is named, ten relays that were online must be away in a row.
    pub control: Vec<String>,
    /// A database of MaxMind (GeoLite2-City or the like), for the place of an address. Relative to the data folder.
    pub city_file: Option<String>,
    /// A database of MaxMind (GeoLite2-ASN or the like), for the network of an address. Relative to the data folder.
    pub asn_file: Option<String>,
    /// Characters of the geohash of a place; fewer say less.
    #[schemars(range(min = 1, max = 9))]
    pub geohash_length: usize,
    /// Days that single checks are kept. Days are counted for ever. Documents and facts that only checks name, neither the relay nor its log
    /// of changes, are kept for a week.
    #[schemars(range(min = 1, max = 3650))]
    pub keep_days: u64,
}

/// What is written in a check (O2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteTest {
    /// Nothing: whether a relay can be written to is not known.
    #[default]
    Off,
    /// An ephemeral event, of which only the answer counts.
    Ephemeral,
    /// A short note that expires within the hour and is read back.
    Note,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_seconds: 3_600,
            parallel: 128,
            answer_seconds: 10,
            retries: 2,
            write: WriteTest::Off,
            control: Vec::new(),
            city_file: None,
            asn_file: None,
            geohash_length: 5,
            keep_days: 120,
        }
    }
}

/// Whether this is `host:port`, and a host that is connected to without a proxy.
fn is_host_and_port(text: &str) -> bool {
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    let url = RelayUrl::parse(&format!("ws://{text}/"));
    !text.contains(['/', '?', '#', '@'])
        && matches!(port, Some(Ok(1..)))
        && url.is_ok_and(|url| url.network() == Network::Clearnet)
}

impl Check {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (index, host) in self.control.iter().enumerate() {
            if !is_host_and_port(host) {
                let key = format!("check.control[{index}]");
                return Err(ConfigError::new(key, "is not of the form host:port"));
            }
        }
        ranges(
            "check",
            &[
                ("interval_seconds", self.interval_seconds, 1..=604_800),
                ("parallel", self.parallel as u64, 1..=4_096),
                ("answer_seconds", self.answer_seconds, 1..=300),
                ("retries", self.retries, 0..=10),
                ("geohash_length", self.geohash_length as u64, 1..=9),
                ("keep_days", self.keep_days, 1..=3_650),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_2_control_hosts_are_hosts_with_a_port() {
        let check = |host: &str| {
            let control = vec![host.to_owned()];
            let check = Check {
                control,
                ..Check::default()
            };
            check.check().is_ok()
        };
        for good in ["192.0.2.1:443", "[2001:db8::1]:53", "example.com:80"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "",
            ":80",
            "example.com",
            "example.com:0",
            "example.com:70000",
            "http://example.com:80",
            "a b:443",
            "a@b.example:1",
            "example.com:80/",
            "abc.onion:80",
        ] {
            assert!(!check(bad), "{bad}");
        }
    }
}
