//! How many URLs each host has among candidates and relays (O1.1, O1.3).
//!
//! A server that answers on every path, on every port, with TLS and without, is any number of URLs, and one stranger's event can name
//! them all. Each would be a relay of its own, checked, archived and credited by itself. So a host has so many places and no more.
//! The names below a domain are hosts of their own: who else shares the domain cannot be told without a list of such domains, and the
//! bound of all relays is what limits them.
//!
//! The counts are kept in memory, by our own account; others take candidates up, too (imports, watches), and are counted with the next
//! look at the records.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use stentor_sql::{Database, Error};

use crate::relay_url::{RelayUrl, host_of};
use crate::table::State;

/// URLs that are counted at once.
const PAGE: i64 = 1_000;

/// How many URLs of something there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Those that were mentioned.
    pub candidates: u64,
    /// Those that spoke Nostr once.
    pub relays: u64,
}

/// How many URLs each host has.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// By a hash that strangers cannot foresee: a name would take five times as much.
    counts: HashMap<u64, (u32, u32)>,
    hasher: RandomState,
    total: Count,
}

impl Hosts {
    /// Counts what is in the records.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn load(records: &Database) -> Result<Self, Error> {
        let (mut hosts, mut after) = (Self::default(), 0);
        loop {
            let page: Vec<(i64, String, String)> = records
                .fetch_all(
                    "SELECT id, url, state FROM observatory_relays WHERE id > ? ORDER BY id LIMIT ?",
                    (after, PAGE),
                )
                .await?;
            let Some((last, _, _)) = page.last() else {
                return Ok(hosts);
            };
            after = *last;
            for (_, url, state) in &page {
                hosts.add(host_of(url), State::parse(state));
            }
        }
    }

    fn add(&mut self, host: &str, state: State) {
        let host = self.key(host);
        let (candidates, relays) = self.counts.entry(host).or_default();
        let (of_host, of_all) = match state {
            State::Candidate => (candidates, &mut self.total.candidates),
            State::Relay => (relays, &mut self.total.relays),
        };
        *of_host = of_host.saturating_add(1);
        *of_all += 1;
    }

    fn remove(&mut self, host: &str, state: State) {
        let host = self.key(host);
        let (candidates, relays) = self.counts.entry(host).or_default();
        let (of_host, of_all) = match state {
            State::Candidate => (candidates, &mut self.total.candidates),
            State::Relay => (relays, &mut self.total.relays),
        };
        *of_host = of_host.saturating_sub(1);
        *of_all = of_all.saturating_sub(1);
    }

    /// There is a candidate more.
    pub fn found(&mut self, url: &RelayUrl) {
        self.add(url.host(), State::Candidate);
    }

    /// A candidate is a relay now.
    pub fn promoted(&mut self, url: &RelayUrl) {
        self.remove(url.host(), State::Candidate);
        self.add(url.host(), State::Relay);
    }

    /// It was none after all.
    pub fn not_promoted(&mut self, url: &RelayUrl) {
        self.remove(url.host(), State::Relay);
        self.add(url.host(), State::Candidate);
    }

    /// How many there are.
    pub const fn total(&self) -> Count {
        self.total
    }

    /// How many a host has.
    pub fn of(&self, host: &str) -> Count {
        let count = self.counts.get(&self.key(host));
        let (candidates, relays) = count.copied().unwrap_or_default();
        Count {
            candidates: candidates.into(),
            relays: relays.into(),
        }
    }

    fn key(&self, host: &str) -> u64 {
        self.hasher.hash_one(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o1_3_all_urls_of_a_host_are_counted_together() {
        let mut hosts = Hosts::default();
        let url = |text: &str| RelayUrl::parse(text).unwrap();
        for text in ["wss://a.b", "ws://a.b/x", "wss://a.b:9/x", "wss://c.a.b"] {
            hosts.found(&url(text));
        }
        let count = |candidates, relays| Count { candidates, relays };
        assert_eq!(
            (hosts.of("a.b"), hosts.of("c.a.b")),
            (count(3, 0), count(1, 0))
        );
        hosts.promoted(&url("ws://a.b/x"));
        assert_eq!((hosts.of("a.b"), hosts.total()), (count(2, 1), count(3, 1)));
        hosts.not_promoted(&url("ws://a.b/x"));
        assert_eq!((hosts.of("a.b"), hosts.total()), (count(3, 0), count(4, 0)));
        assert_eq!(hosts.of("b"), Count::default());
    }
}
