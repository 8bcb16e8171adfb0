//! Addresses of people (NIP-05): which domain vouches for a key.
//!
//! A profile (kind 0) names an address, `name@domain`; the domain's web server says whose it is. Servers are asked over
//! the dialer as strangers' ([`lookup`]). What they said is remembered for a while, good or bad, and what they could not be
//! asked for a minute ([`cache`]). Look-ups wait at a [`desk`]: one for events that rule `nip05` judges and one for
//! searches, so that what somebody searches for never holds up what somebody writes.

mod cache;
mod desk;
mod lookup;
mod search;

use std::sync::Arc;
use std::time::{Duration, Instant};

use stentor_event::{Filter, Kind, PublicKey};
use stentor_net::dial::Dialer;
use stentor_store::{EventStore, StoreError};
use tokio::sync::Semaphore;

use crate::holdings::newest;
use crate::state::now;
use cache::Cache;
pub(crate) use cache::Lifetimes;
use desk::{Desk, Limits};
pub(crate) use lookup::Answer;
use lookup::{Address, Ask};
pub(crate) use search::Verifier;

/// Profiles (NIP-01).
const PROFILE: Kind = Kind(0);
/// What there is room for on behalf of events: their authors wait.
const WRITES: Limits = Limits {
    at_once: 16,
    of_domain: 8,
    waiting: 1_024,
    waiting_of_domain: 256,
    patience: Duration::from_secs(5),
};
/// What there is room for on behalf of searches: what is found out is there for the next one.
const SEARCHES: Limits = Limits {
    at_once: 16,
    of_domain: 4,
    waiting: 1_024,
    waiting_of_domain: 256,
    patience: Duration::from_secs(10),
};
/// Searches that wait for servers at once; others go by what is known.
const SEARCHING: usize = 32;

/// Finds out which domain vouches for a key.
pub(crate) struct Addresses {
    store: Arc<dyn EventStore>,
    cache: Arc<Cache>,
    writes: Desk,
    searches: Desk,
    searching: Semaphore,
}

/// What was found out about an author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The profile names no address at a domain that counts.
    NoAddress,
    /// It names one at this domain, which says so.
    Domain(String, Answer),
}

impl Addresses {
    pub(crate) fn new(store: Arc<dyn EventStore>, dialer: Dialer) -> Self {
        let (cache, domains) = (Arc::new(Cache::default()), Arc::new(dialer));
        let desk = |by, limits| {
            let domains: Arc<dyn Ask> = Arc::clone(&domains) as _;
            Desk::new(by, limits, domains, Arc::clone(&cache))
        };
        Self {
            store,
            writes: desk("event", WRITES),
            searches: desk("search", SEARCHES),
            searching: Semaphore::new(SEARCHING),
            cache,
        }
    }

    /// Whether it is known that the domain vouches for the key.
    pub(crate) fn vouched(&self, key: &PublicKey, domain: &str, lifetimes: Lifetimes) -> bool {
        self.cache.vouched(key, domain, lifetimes, Instant::now())
    }

    /// Finds out whether the domain of the address in the key's profile vouches for it; only domains that are `wanted` are
    /// asked.
    pub(crate) async fn find_out(
        &self,
        key: PublicKey,
        lifetimes: Lifetimes,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Finding, StoreError> {
        // What the profile says can change at any time, and costs little to read again.
        let claimed = self.claimed(key).await?;
        let Some(address) = claimed.filter(|address| wanted(&address.domain)) else {
            return Ok(Finding::NoAddress);
        };
        let known = self.cache.get(&key, &address, lifetimes, Instant::now());
        let answer = match known {
            Some(known) => known,
            None => match self.writes.ask(key, &address, lifetimes) {
                Some(flight) => flight.await,
                None => Answer::Unknown,
            },
        };
        Ok(Finding::Domain(address.domain, answer))
    }

    /// The address that the key's profile names.
    async fn claimed(&self, key: PublicKey) -> Result<Option<Address>, StoreError> {
        let profile = Filter {
            authors: Some(vec![key]),
            kinds: Some(vec![PROFILE]),
            ..Filter::default()
        };
        let found = newest(&self.store, profile, 1, now()).await?;
        let profile = found.first();
        Ok(profile.and_then(|event| Address::in_profile(&event.view().content())))
    }
}
