//! What the configuration allows and how names of other networks are reached, in the form in which it is asked.

use std::net::IpAddr;

use super::name::Network;
use crate::client::Cidr;

/// The part of the configuration that decides whether a URL may be dialed. The default allows no inside address and has no proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    allow: Vec<Cidr>,
    proxied: Vec<Network>,
}

impl Rules {
    /// Inside networks that strangers may have us dial, and the networks for which there is a proxy.
    #[must_use]
    pub fn new(allow: Vec<Cidr>, proxied: impl IntoIterator<Item = Network>) -> Self {
        Self {
            allow,
            proxied: proxied.into_iter().collect(),
        }
    }

    /// Whether an address is in the allow list.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|range| range.contains(address))
    }

    /// Whether names of the network can be reached.
    #[must_use]
    pub fn has_proxy_of(&self, network: Network) -> bool {
        self.proxied.contains(&network)
    }
}
