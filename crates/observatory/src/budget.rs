//! How many connections there are at once (O3.6): one budget for the whole process, and one below it for each network behind a proxy.
//!
//! Checks, discovery and the archive draw from the same budget, so that switching one more on does not open more sockets than
//! the operator allowed. A share of each is for what the operator put first (O3.7) and never waits behind the rest. Waiting is fair:
//! first come, first served.
//!
//! Who waits for the total holds a place of its network meanwhile, so that nobody who waits for a slow network holds a place of the total.
//! That is why each network needs a share for what comes first, too. All but the networks behind proxies are bounded by the total alone.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::config::Connections;
use crate::relay_url::Network;

/// The metric of what is used.
const CONNECTIONS: &str = "stentor_observatory_connections";

/// Which part of the budget may be drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What everybody shares.
    Common,
    /// That, and the operator's own share.
    First,
}

/// The budget. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    total: Places,
    tor: Places,
    i2p: Places,
    loki: Places,
}

/// Places for connections, with a share for what comes first.
#[derive(Debug)]
struct Places {
    common: Arc<Semaphore>,
    first: Arc<Semaphore>,
}

impl Places {
    /// So many for everybody, and so many for what comes first.
    fn new(common: usize, first: usize) -> Self {
        Self {
            common: Arc::new(Semaphore::new(common)),
            first: Arc::new(Semaphore::new(first)),
        }
    }

    /// Waits for a place.
    async fn take(&self, class: Class) -> Result<OwnedSemaphorePermit, AcquireError> {
        let common = self.common.clone().acquire_owned();
        if class == Class::Common {
            return common.await;
        }
        tokio::select! {
            biased;
            own = self.first.clone().acquire_owned() => own,
            common = common => common,
        }
    }
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    _network: Option<OwnedSemaphorePermit>,
    _total: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of this size.
    #[must_use]
    pub fn new(config: &Connections) -> Self {
        let first = config.total * config.first_percent / 100;
        // Of a few places one is a large share, but without one what comes first would wait.
        let network = |places: usize| {
            let first = (places * config.first_percent).div_ceil(100);
            let first = first.min(places.saturating_sub(1));
            Places::new(places - first, first)
        };
        Self(Arc::new(Inner {
            total: Places::new((config.total - first).max(1), first),
            tor: network(config.tor),
            i2p: network(config.i2p),
            loki: network(config.loki),
        }))
    }

    /// Waits for the right to one connection.
    pub async fn permit(&self, network: Network, class: Class) -> Permit {
        // Semaphores are never closed, so there always is a permit in the end.
        loop {
            let network = match self.network(network) {
                Some(places) => places.take(class).await.map(Some),
                None => Ok(None),
            };
            let total = self.0.total.take(class).await;
            if let (Ok(network), Ok(total)) = (network, total) {
                gauge!(CONNECTIONS).increment(1.0);
                return Permit {
                    _network: network,
                    _total: total,
                };
            }
        }
    }

    /// The places of a network that has a limit of its own.
    fn network(&self, network: Network) -> Option<&Places> {
        match network {
            Network::Clearnet => None,
            Network::Tor => Some(&self.0.tor),
            Network::I2p => Some(&self.0.i2p),
            Network::Loki => Some(&self.0.loki),
        }
    }
}

#[cfg(test)]
impl Budget {
    /// Connections that may still be made.
    pub fn free(&self) -> usize {
        let Places { common, first } = &self.0.total;
        common.available_permits() + first.available_permits()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;

    fn budget(total: usize, tor: usize, first_percent: usize) -> Budget {
        Budget::new(&Connections {
            total,
            tor,
            first_percent,
            ..Connections::default()
        })
    }

    #[tokio::test]
    async fn o3_6_no_more_than_the_budget() {
        let budget = budget(4, 2, 0);
        let take = |network| budget.permit(network, Class::Common);
        let a = take(Network::Tor).await;
        let _b = take(Network::Tor).await;
        assert!(take(Network::Tor).now_or_never().is_none());
        let _c = take(Network::Clearnet).await;
        let _d = take(Network::Clearnet).await;
        assert!(take(Network::Clearnet).now_or_never().is_none());
        assert_eq!(budget.free(), 0);
        drop(a);
        assert!(take(Network::Tor).now_or_never().is_some());
    }

    #[tokio::test]
    async fn o3_7_what_the_operator_put_first_has_its_own_share() {
        let budget = budget(4, 4, 25);
        let mut held = Vec::new();
        while let Some(permit) = budget
            .permit(Network::Clearnet, Class::Common)
            .now_or_never()
        {
            held.push(permit);
        }
        assert_eq!(held.len(), 3);
        let first = budget.permit(Network::Clearnet, Class::First);
        let first = first.now_or_never().expect("its own share");
        assert!(
            budget
                .permit(Network::Clearnet, Class::First)
                .now_or_never()
                .is_none()
        );
        drop(held);
        drop(first);
        assert_eq!(budget.free(), 4);
    }
    /// Has somebody wait for a connection, until what is returned is dropped.
    fn waiter(budget: &Budget, network: Network) -> BoxFuture<'_, Permit> {
        let mut waiting = budget.permit(network, Class::Common).boxed();
        assert!((&mut waiting).now_or_never().is_none());
        waiting
    }

    #[tokio::test]
    async fn o3_7_who_waits_is_not_in_the_way_of_what_the_operator_put_first() {
        let budget = budget(4, 2, 25);
        let common = |network| budget.permit(network, Class::Common);
        let first = |network| budget.permit(network, Class::First);
        let [_a, _b, _c] = [
            common(Network::Clearnet).await,
            common(Network::Clearnet).await,
            common(Network::Clearnet).await,
        ];
        let waiting: Vec<_> = [Network::Clearnet, Network::Tor]
            .into_iter()
            .flat_map(|network| (0..6).map(move |_| network))
            .map(|network| waiter(&budget, network))
            .collect();
        for network in [Network::Clearnet, Network::Tor] {
            let permit = first(network).now_or_never();
            assert!(permit.is_some(), "{network:?}");
        }
        drop(waiting);
    }

    #[tokio::test]
    async fn o3_6_who_waits_for_a_slow_network_is_not_in_the_way_of_others() {
        let budget = budget(4, 1, 0);
        let _tor = budget.permit(Network::Tor, Class::Common).await;
        let _waiting: Vec<_> = (0..9).map(|_| waiter(&budget, Network::Tor)).collect();
        assert_eq!(budget.free(), 3);
        let clearnet = budget.permit(Network::Clearnet, Class::Common);
        assert!(clearnet.now_or_never().is_some());
    }
}
