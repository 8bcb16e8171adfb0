//! The addresses and networks that may not connect, found by prefix: however many there are, a connection costs a look-up
//! for each length of prefix among them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use stentor_net::client::Cidr;

use super::lists::Reason;

/// Networks with the reasons for which they are blocked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocked {
    reasons: HashMap<Cidr, Reason>,
    /// The first bits of the networks, by how many these are.
    v4: BTreeMap<u8, HashSet<u32>>,
    v6: BTreeMap<u8, HashSet<u128>>,
}

impl Blocked {
    /// Blocks a network, or gives another reason for it.
    pub fn insert(&mut self, network: Cidr, reason: Reason) {
        self.reasons.insert(network, reason);
        match parts(&network) {
            Some((IpAddr::V4(start), length)) => {
                let bits = v4_bits(start.to_bits(), length);
                self.v4.entry(length).or_default().insert(bits);
            }
            Some((IpAddr::V6(start), length)) => {
                let bits = v6_bits(start.to_bits(), length);
                self.v6.entry(length).or_default().insert(bits);
            }
            None => {}
        }
    }

    /// Lets a network in again, but for what others of them cover.
    pub fn remove(&mut self, network: &Cidr) {
        if self.reasons.remove(network).is_none() {
            return;
        }
        match parts(network) {
            Some((IpAddr::V4(start), length)) => {
                take(&mut self.v4, length, &v4_bits(start.to_bits(), length));
            }
            Some((IpAddr::V6(start), length)) => {
                take(&mut self.v6, length, &v6_bits(start.to_bits(), length));
            }
            None => {}
        }
    }

    /// Whether one of the networks has the address; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self
                .v4
                .iter()
                .any(|(length, starts)| starts.contains(&v4_bits(address.to_bits(), *length))),
            IpAddr::V6(address) => self
                .v6
                .iter()
                .any(|(length, starts)| starts.contains(&v6_bits(address.to_bits(), *length))),
        }
    }

    /// The networks with their reasons.
    pub const fn reasons(&self) -> &HashMap<Cidr, Reason> {
        &self.reasons
    }
}

/// Takes the first bits of a network out of those of its length.
fn take<T: std::hash::Hash + Eq>(by_length: &mut BTreeMap<u8, HashSet<T>>, length: u8, bits: &T) {
    if let Some(starts) = by_length.get_mut(&length) {
        starts.remove(bits);
        if starts.is_empty() {
            by_length.remove(&length);
        }
    }
}

/// The first address of a network, and the length of its prefix. A network is always written as both.
fn parts(network: &Cidr) -> Option<(IpAddr, u8)> {
    let text = network.to_string();
    let (start, length) = text.split_once('/')?;
    Some((start.parse().ok()?, length.parse().ok()?))
}

fn v4_bits(address: u32, length: u8) -> u32 {
    address
        .checked_shr(32_u32.saturating_sub(length.into()))
        .unwrap_or(0)
}

fn v6_bits(address: u128, length: u8) -> u128 {
    address
        .checked_shr(128_u32.saturating_sub(length.into()))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r3_2_blocked_networks_are_found_by_prefix() {
        let mut blocked = Blocked::default();
        let network = |text: &str| text.parse::<Cidr>().unwrap();
        let has = |blocked: &Blocked, text: &str| blocked.contains(text.parse().unwrap());
        for text in ["10.0.0.0/8", "203.0.113.7", "2001:db8::/32", "::1"] {
            blocked.insert(network(text), None);
        }
        for inside in [
            "10.1.2.3",
            "::ffff:10.9.9.9",
            "203.0.113.7",
            "2001:db8:1::",
            "::1",
        ] {
            assert!(has(&blocked, inside), "{inside}");
        }
        for outside in ["11.0.0.0", "203.0.113.8", "2001:db9::", "::2"] {
            assert!(!has(&blocked, outside), "{outside}");
        }
        blocked.insert(network("10.1.0.0/16"), None);
        blocked.remove(&network("10.0.0.0/8"));
        assert!(has(&blocked, "10.1.2.3") && !has(&blocked, "10.2.0.0"));
        blocked.insert(network("0.0.0.0/0"), None);
        assert!(has(&blocked, "198.51.100.1") && !has(&blocked, "2001:db9::"));
        for text in [
            "0.0.0.0/0",
            "10.1.0.0/16",
            "203.0.113.7",
            "2001:db8::/32",
            "::1",
        ] {
            blocked.remove(&network(text));
        }
        assert_eq!(blocked, Blocked::default(), "nothing is left over");
    }

    proptest! {
        /// The look-up says what each network says by itself.
        #[test]
        fn r3_2_blocked_as_each_network_says(
            networks in prop::collection::vec((any::<[u8; 2]>(), 0_u8..=32), 0..12),
            address in any::<[u8; 2]>(),
        ) {
            // Few bits differ, so that networks overlap and have the address now and then.
            let at = |[high, low]: [u8; 2]| IpAddr::from([high & 3, low & 3, 0, low & 1]);
            let mut blocked = Blocked::default();
            let networks: Vec<Cidr> = networks
                .into_iter()
                .map(|(start, length)| format!("{}/{length}", at(start)).parse().unwrap())
                .collect();
            for network in &networks {
                blocked.insert(*network, None);
            }
            let wanted = networks.iter().any(|network| network.contains(at(address)));
            prop_assert_eq!(blocked.contains(at(address)), wanted);
        }
    }
}
