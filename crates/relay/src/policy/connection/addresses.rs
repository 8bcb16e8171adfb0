//! Rule `addresses`: which client addresses may connect (R4.2).

use std::net::IpAddr;

use http::StatusCode;
use stentor_net::client::Cidr;
use stentor_serve::Refusal;

use super::Arriving;
use crate::access::Lists;
use crate::config::{self, ConfigError};

/// Allow and deny lists of the configuration; what admins have blocked comes from the lists.
pub(super) struct Addresses {
    allow: Vec<Cidr>,
    deny: Vec<Cidr>,
}

impl Addresses {
    pub(super) fn new(config: &config::Addresses) -> Result<Self, ConfigError> {
        let (allow, deny) = config.networks()?;
        Ok(Self { allow, deny })
    }

    pub(super) fn admit(&self, arriving: &Arriving<'_>) -> Result<(), Refusal> {
        if self.allows(arriving.client, arriving.lists) {
            return Ok(());
        }
        let detail = "your address may not connect to this relay";
        Err(Refusal::new(StatusCode::FORBIDDEN, detail))
    }

    pub(super) fn allows(&self, client: IpAddr, lists: &Lists) -> bool {
        let inside = |networks: &[Cidr]| networks.iter().any(|network| network.contains(client));
        let allowed = self.allow.is_empty() || inside(&self.allow);
        allowed && !inside(&self.deny) && !lists.blocks(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: &[&str], deny: &[&str]) -> Addresses {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Addresses::new(&config::Addresses {
            allow: own(allow),
            deny: own(deny),
        })
        .unwrap()
    }

    #[test]
    fn r4_2_addresses_are_allowed_and_denied_by_network() {
        let lists = Lists::default();
        let allows = |rule: &Addresses, client: &str| rule.allows(client.parse().unwrap(), &lists);
        let open = rule(&[], &["198.51.100.0/24", "2001:db8::/32"]);
        assert!(allows(&open, "203.0.113.1"));
        assert!(!allows(&open, "198.51.100.77"));
        assert!(!allows(&open, "::ffff:198.51.100.77"), "the same, mapped");
        assert!(!allows(&open, "2001:db8:1::1"));
        let closed = rule(&["10.0.0.0/8"], &["10.9.0.0/16"]);
        assert!(allows(&closed, "10.1.2.3"));
        assert!(!allows(&closed, "10.9.2.3"), "denied wins");
        assert!(!allows(&closed, "203.0.113.1"));
    }
}
