//! How many streams there may be (G3.4).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use stentor_net::client::IpScope;
use stentor_net::limit::{KeyedLimiter, Rate};

use crate::config::Streams;

/// Addresses whose rate is remembered.
const REMEMBERED: usize = 65_536;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The node has as many streams as it may.
    #[error("the node has as many streams as it may have")]
    Node,
    /// The client's address has.
    #[error("your address has as many streams as it may have")]
    Address,
    /// The principal has.
    #[error("this principal has as many streams as it may have")]
    Principal,
    /// The client's address opens streams too fast.
    #[error("your address opens streams too fast")]
    Rate,
}

impl Full {
    /// The word for it in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Address => "address",
            Self::Principal => "principal",
            Self::Rate => "rate",
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    node: usize,
    addresses: HashMap<IpScope, usize>,
    principals: HashMap<String, usize>,
}

impl Counts {
    fn look(&self, address: IpScope, limits: &Streams) -> Result<(), Full> {
        let of_address = self.addresses.get(&address).copied().unwrap_or_default();
        if is_full(self.node, limits.node) {
            return Err(Full::Node);
        }
        if is_full(of_address, limits.per_ip) {
            return Err(Full::Address);
        }
        Ok(())
    }
}

const fn is_full(taken: usize, most: usize) -> bool {
    most != 0 && taken >= most
}

/// The places of all streams, and how fast they are opened.
#[derive(Debug, Clone)]
pub struct Places {
    counts: Arc<Mutex<Counts>>,
    opened: Arc<KeyedLimiter<IpScope>>,
    begun: Instant,
}

/// A stream's place, until this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    address: IpScope,
    principal: String,
}

impl Places {
    /// All free.
    pub fn new() -> Self {
        Self {
            counts: Arc::default(),
            opened: Arc::new(KeyedLimiter::new(REMEMBERED)),
            begun: Instant::now(),
        }
    }

    /// Whether there is a place for a stream from this address, whoever opens it. Counts as an attempt.
    ///
    /// # Errors
    /// [`Full`].
    pub fn look(&self, address: IpScope, limits: &Streams) -> Result<(), Full> {
        let rate = Rate::per_second(limits.opened_per_second).with_burst(limits.opened_burst);
        let opened = self.opened.take(&address, rate, self.begun.elapsed(), 1);
        opened.map_err(|_| Full::Rate)?;
        self.counts.lock().look(address, limits)
    }

    /// Takes a place for a stream of this principal from this address.
    ///
    /// # Errors
    /// [`Full`]; nothing is taken then.
    pub fn take(
        &self,
        address: IpScope,
        principal: String,
        limits: &Streams,
    ) -> Result<Place, Full> {
        let mut counts = self.counts.lock();
        counts.look(address, limits)?;
        let of_principal = counts.principals.get(&principal).copied();
        if is_full(of_principal.unwrap_or_default(), limits.per_principal) {
            return Err(Full::Principal);
        }
        counts.node += 1;
        *counts.addresses.entry(address).or_default() += 1;
        *counts.principals.entry(principal.clone()).or_default() += 1;
        metrics::gauge!("stentor_gateway_streams").set(counts.node as f64);
        drop(counts);
        Ok(Place {
            places: self.clone(),
            address,
            principal,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.counts.lock();
        counts.node -= 1;
        less(&mut counts.addresses, &self.address);
        less(&mut counts.principals, &self.principal);
        metrics::gauge!("stentor_gateway_streams").set(counts.node as f64);
    }
}

/// One less; what is none is forgotten.
fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpScope {
        IpScope::from(text.parse::<std::net::IpAddr>().unwrap())
    }

    #[test]
    fn g3_4_each_bound_holds_and_places_come_back() {
        let limits = Streams {
            node: 4,
            per_ip: 2,
            per_principal: 2,
            ..Streams::default()
        };
        let places = Places::new();
        let take = |ip, who: &str| places.take(address(ip), who.to_owned(), &limits);
        let first = take("10.0.0.1", "a").unwrap();
        let _second = take("10.0.0.1", "b").unwrap();
        assert_eq!(take("10.0.0.1", "c").unwrap_err(), Full::Address);
        let _third = take("10.0.0.2", "a").unwrap();
        assert_eq!(take("10.0.0.3", "a").unwrap_err(), Full::Principal);
        let fourth = take("10.0.0.3", "c").unwrap();
        assert_eq!(take("10.0.0.4", "d").unwrap_err(), Full::Node);
        drop((first, fourth));
        drop(take("10.0.0.1", "a").unwrap());
        let counts = places.counts.lock();
        assert_eq!(counts.node, 2);
        assert_eq!((counts.addresses.len(), counts.principals.len()), (2, 2));
    }

    #[test]
    fn g3_4_an_address_that_opens_streams_too_fast_waits() {
        let limits = Streams {
            opened_per_second: 1,
            opened_burst: 3,
            ..Streams::default()
        };
        let places = Places::new();
        let look = |ip| places.look(address(ip), &limits);
        for _ in 0..3 {
            assert_eq!(look("10.0.0.1"), Ok(()));
        }
        assert_eq!(look("10.0.0.1"), Err(Full::Rate));
        assert_eq!(look("10.0.0.2"), Ok(()));
    }

    #[test]
    fn g3_4_zero_is_no_bound() {
        let limits = Streams {
            node: 0,
            per_ip: 0,
            per_principal: 0,
            ..Streams::default()
        };
        let places = Places::new();
        let all: Vec<Place> = (0..50)
            .map(|_| {
                places
                    .take(address("10.0.0.1"), "a".into(), &limits)
                    .unwrap()
            })
            .collect();
        assert_eq!(all.len(), 50);
    }
}
