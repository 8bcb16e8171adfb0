//! Addresses of people (NIP-05): which domain vouches for a key.
//!
//! A profile (kind 0) names an address, `name@domain`; the domain's web server says whose it is. What was found out is
//! remembered for a while, good or bad ([`cache`]); the servers are asked over the dialer as strangers' ([`lookup`]).

mod cache;
mod lookup;
mod search;

use std::sync::Arc;
use std::time::{Duration, Instant};

use stentor_event::{Filter, Kind, PublicKey};
use stentor_net::dial::Dialer;
use stentor_store::EventStore;

use crate::holdings::newest;
use crate::state::now;
use cache::Cache;
use lookup::Address;
pub(crate) use search::Verifier;

/// Profiles (NIP-01).
const PROFILE: Kind = Kind(0);
/// Servers asked at once; more wait.
const AT_ONCE: usize = 16;

/// How long what was found out counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) verified: Duration,
    pub(crate) failed: Duration,
}

/// Finds out which domain vouches for a key.
pub(crate) struct Addresses {
    store: Arc<dyn EventStore>,
    dialer: Dialer,
    cache: Cache,
    turns: tokio::sync::Semaphore,
}

impl Addresses {
    pub(crate) fn new(store: Arc<dyn EventStore>, dialer: Dialer) -> Self {
        Self {
            store,
            dialer,
            cache: Cache::default(),
            turns: tokio::sync::Semaphore::new(AT_ONCE),
        }
    }

    /// What is known of a key: `None` when nothing is, `Some(None)` when no domain vouches for it.
    pub(crate) fn known(&self, key: &PublicKey, lifetimes: Lifetimes) -> Option<Option<Arc<str>>> {
        self.cache.get(key, lifetimes, Instant::now())
    }

    /// Finds out which domain vouches for a key; only domains that are `wanted` are asked.
    pub(crate) async fn find_out(
        &self,
        key: PublicKey,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<Arc<str>> {
        let found = match self.claimed(key).await {
            Some(address) if wanted(&address.domain) => {
                let _turn = self.turns.acquire().await;
                let vouched = lookup::vouches(&self.dialer, &address, &key).await;
                vouched.then(|| Arc::from(address.domain.as_str()))
            }
            // What the profile says can change at any time, and costs little to read again.
            _ => return None,
        };
        self.cache.put(key, found.clone(), Instant::now());
        found
    }

    /// The address that the key's profile names.
    async fn claimed(&self, key: PublicKey) -> Option<Address> {
        let profile = Filter {
            authors: Some(vec![key]),
            kinds: Some(vec![PROFILE]),
            ..Filter::default()
        };
        let found = newest(&self.store, profile, 1, now()).await.ok()?;
        Address::in_profile(&found.first()?.view().content())
    }
}
