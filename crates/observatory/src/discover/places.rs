//! What there is room for when mentions are written: in all, for strangers, and of each host (O1.1). Pure.

use std::collections::{HashMap, HashSet};

use super::hosts::{Count, Hosts};
use super::source::Source;
use crate::config::Discover;
use crate::relay_url::RelayUrl;

/// URLs that a host may have beside as many as it may have relays: what does not answer takes the place of nobody who does.
const SPARE: u64 = 8;

/// Why a new URL is not taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are as many candidates as there may be.
    Room,
    /// There are as many URLs of its host as there may be.
    Host,
}

/// How many more candidates there may be.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// For what the operator's own sources name.
    operators: u64,
    /// For what anybody else does.
    strangers: u64,
    /// Of each host; a host that is not here is not limited.
    hosts: HashMap<String, u64>,
    /// What the operator has named beside.
    named: HashSet<RelayUrl>,
}

impl Places {
    /// So many, whatever the hosts and whoever names them.
    pub fn of_any_host(room: u64) -> Self {
        Self {
            operators: room,
            strangers: room,
            hosts: HashMap::new(),
            named: HashSet::new(),
        }
    }

    /// Those that there are for these URLs. `named` says what the operator has named.
    pub fn of<'a>(
        config: &Discover,
        hosts: &Hosts,
        named: &HashSet<RelayUrl>,
        urls: impl Iterator<Item = &'a RelayUrl>,
    ) -> Self {
        let candidates = hosts.total().candidates;
        let mut places = Self {
            strangers: room_for_strangers(config, candidates),
            ..Self::of_any_host(room(config, candidates))
        };
        let most = size(config.relays_per_host).saturating_add(SPARE);
        for url in urls {
            if named.contains(url) {
                places.named.insert(url.clone());
            }
            if !places.hosts.contains_key(url.host()) {
                let Count { candidates, relays } = hosts.of(url.host());
                let left = most.saturating_sub(candidates + relays);
                places.hosts.insert(url.host().to_owned(), left);
            }
        }
        places
    }

    /// Takes the place of a new URL.
    ///
    /// # Errors
    /// Why there is none.
    pub fn take(&mut self, url: &RelayUrl, source: Source) -> Result<(), Refused> {
        let named = source.names_one_by_one() || self.named.contains(url);
        let of_host = self.hosts.get_mut(url.host());
        // Strangers who name paths that lead nowhere do not take the place of the host itself.
        let of_host = of_host.filter(|_| !named && !url.is_bare());
        if of_host.as_deref() == Some(&0) {
            return Err(Refused::Host);
        }
        let room = match named || source.is_operators() {
            true => self.operators,
            false => self.strangers,
        };
        if room == 0 {
            return Err(Refused::Room);
        }
        self.operators = self.operators.saturating_sub(1);
        self.strangers = self.strangers.saturating_sub(1);
        if let Some(left) = of_host {
            *left = left.saturating_sub(1);
        }
        Ok(())
    }
}

/// How many candidates there may be beside so many.
fn room(config: &Discover, candidates: u64) -> u64 {
    size(config.candidates).saturating_sub(candidates)
}

/// How many of these strangers may name: a tenth of all is for the operator's own sources.
pub(super) fn room_for_strangers(config: &Discover, candidates: u64) -> u64 {
    let reserved = size(config.candidates) / 10;
    room(config, candidates).saturating_sub(reserved)
}

/// A number of the configuration.
pub(super) fn size(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RelayUrl {
        RelayUrl::parse(text).unwrap()
    }

    #[test]
    fn o1_1_strangers_leave_a_tenth_to_the_operator() {
        let config = Discover {
            candidates: 20,
            ..Discover::default()
        };
        let (hosts, named) = (
            Hosts::default(),
            HashSet::from([url("wss://named.example")]),
        );
        let urls: Vec<_> = (0..30)
            .map(|n| url(&format!("wss://{n}.example")))
            .collect();
        let mut places = Places::of(&config, &hosts, &named, urls.iter().chain(&named));
        let taken = |places: &mut Places, source| {
            let taken = urls.iter().map(|url| places.take(url, source));
            taken.filter(Result::is_ok).count()
        };
        assert_eq!(taken(&mut places, Source::Hint), 18);
        assert_eq!(
            places.take(&url("wss://named.example"), Source::Hint),
            Ok(())
        );
        assert_eq!(taken(&mut places, Source::HttpList), 1);
        assert_eq!(
            places.take(&url("wss://x.example"), Source::Seeds),
            Err(Refused::Room)
        );
    }

    #[test]
    fn o1_1_a_host_has_so_many_places() {
        let config = Discover {
            relays_per_host: 2,
            ..Discover::default()
        };
        let mut hosts = Hosts::default();
        hosts.found(&url("wss://a.example/known"));
        let urls: Vec<_> = (0..20)
            .map(|n| url(&format!("wss://a.example/{n}")))
            .collect();
        let mut places = Places::of(&config, &hosts, &HashSet::new(), urls.iter());
        for (at, url) in urls.iter().enumerate() {
            let expected = if at < 9 { Ok(()) } else { Err(Refused::Host) };
            assert_eq!(places.take(url, Source::HttpList), expected, "{at}");
        }
        assert_eq!(places.take(&url("wss://a.example"), Source::Hint), Ok(()));
        assert_eq!(
            places.take(&url("wss://a.example:9"), Source::Hint),
            Err(Refused::Host)
        );
        assert_eq!(
            places.take(&url("wss://a.example:9"), Source::SeedFile),
            Ok(())
        );
    }
}
