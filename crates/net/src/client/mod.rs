//! The client's address: the peer's, unless the peer is a trusted proxy that names another (R8.4).

mod cidr;
mod forwarded;
mod scope;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cidr::{Cidr, CidrError};
pub use forwarded::node_address;
pub use scope::IpScope;

/// The header that the trusted proxies write. Only this one is read: one that the proxy passes through untouched is the client's
/// own claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardHeader {
    /// `X-Forwarded-For`: a list of addresses, the last one added by the proxy nearest to us.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): its `for` and `proto` parameters.
    Forwarded,
}

impl ForwardHeader {
    /// The header's name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// Which peers are proxies whose word is taken, and the header they write. The default trusts nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrustedProxies {
    /// Addresses of the proxies.
    pub networks: Vec<Cidr>,
    /// Whether whoever connects to a Unix socket is one.
    pub unix: bool,
    /// The header they write.
    pub header: ForwardHeader,
}

/// Most entries of a forwarding header that are looked at, from the right.
const MAX_HOPS: usize = 32;

impl TrustedProxies {
    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether the address is one of a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// The client's address for a connection from `peer`; `values` are the values of [`ForwardHeader::name`] in the order of the
    /// request.
    ///
    /// The entries are read from the right. Each was written by the hop to its right, so the first entry that is not a trusted
    /// proxy's is the client; everything further left is its own claim. An entry that cannot be read ends the search at the last
    /// hop that is known.
    #[must_use]
    pub fn client<'a, I>(&self, peer: IpAddr, values: I) -> IpAddr
    where
        I: IntoIterator<Item = &'a str>,
        I::IntoIter: DoubleEndedIterator,
    {
        if self.trusts(peer) {
            self.client_behind(peer, values)
        } else {
            peer.to_canonical()
        }
    }

    /// As [`TrustedProxies::client`], behind a proxy that is known to be trusted, whatever its address.
    #[must_use]
    pub fn client_behind<'a, I>(&self, proxy: IpAddr, values: I) -> IpAddr
    where
        I: IntoIterator<Item = &'a str>,
        I::IntoIter: DoubleEndedIterator,
    {
        let mut client = proxy.to_canonical();
        for hop in forwarded::from_right(self.header, values).take(MAX_HOPS) {
            let Some(address) = hop else { break };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}
