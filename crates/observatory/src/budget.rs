//! How many connections there are at once (O3.6): one budget for the whole process, and one below it for each network.
//!
//! Checks, discovery and the archive draw from the same budget, so that switching one more on does not open more sockets than
//! the operator allowed. A share of it is for what the operator put first (O3.7) and never waits behind the rest. Waiting is fair:
//! first come, first served.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    common: Arc<Semaphore>,
    first: Arc<Semaphore>,
    networks: [Arc<Semaphore>; 4],
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    _network: OwnedSemaphorePermit,
    _total: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of this size.
    #[must_use]
    pub fn new(config: &Connections) -> Self {
        let first = config.total * config.first_percent / 100;
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self(Arc::new(Inner {
            common: semaphore((config.total - first).max(1)),
            first: semaphore(first),
            networks: [config.total, config.tor, config.i2p, config.loki].map(semaphore),
        }))
    }

    /// Waits for the right to one connection.
    pub async fn permit(&self, network: Network, class: Class) -> Permit {
        // Semaphores are never closed, so there always is a permit in the end.
        loop {
            let network = self.network(network).clone().acquire_owned().await;
            let total = self.total(class).await;
            if let (Ok(network), Ok(total)) = (network, total) {
                gauge!(CONNECTIONS).increment(1.0);
                return Permit {
                    _network: network,
                    _total: total,
                };
            }
        }
    }

    async fn total(&self, class: Class) -> Result<OwnedSemaphorePermit, tokio::sync::AcquireError> {
        let common = self.0.common.clone().acquire_owned();
        if class == Class::Common {
            return common.await;
        }
        tokio::select! {
            biased;
            own = self.0.first.clone().acquire_owned() => own,
            common = common => common,
        }
    }

    fn network(&self, network: Network) -> &Arc<Semaphore> {
        let [clearnet, tor, i2p, loki] = &self.0.networks;
        match network {
            Network::Clearnet => clearnet,
            Network::Tor => tor,
            Network::I2p => i2p,
            Network::Loki => loki,
        }
    }
}

#[cfg(test)]
impl Budget {
    /// Connections that may still be made.
    pub fn free(&self) -> usize {
        self.0.common.available_permits() + self.0.first.available_permits()
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
}
