//! The first stage: may this client connect?

mod addresses;
mod unauthenticated;

use std::net::IpAddr;

use stentor_serve::Refusal;

use super::Tally;
use crate::access::Lists;
use crate::config::{self, ConfigError, ConnectionRule};

use addresses::Addresses;

/// What is known of a client that connects.
#[derive(Clone, Copy)]
pub(crate) struct Arriving<'a> {
    /// Its address.
    pub(crate) client: IpAddr,
    pub(crate) lists: &'a Lists,
    /// Connections that have not authenticated, and most of these; 0: no limit.
    pub(crate) unauthenticated: (usize, usize),
}

/// The rules of the stage.
pub(crate) struct Stage {
    rules: Vec<(Rule, Tally)>,
}

enum Rule {
    Addresses(Addresses),
    Unauthenticated,
}

impl Stage {
    pub(super) fn new(policy: &config::Policy) -> Result<Self, ConfigError> {
        let rule = |name: &ConnectionRule| {
            Ok(match name {
                ConnectionRule::Addresses => (
                    Rule::Addresses(Addresses::new(&policy.addresses)?),
                    Tally::new("connection", "addresses"),
                ),
                ConnectionRule::Unauthenticated => (
                    Rule::Unauthenticated,
                    Tally::new("connection", "unauthenticated"),
                ),
            })
        };
        let rules = policy.connection.iter().map(rule);
        Ok(Self {
            rules: rules.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Whether the client may connect.
    ///
    /// # Errors
    /// The answer in place of the upgrade.
    pub(crate) fn admit(&self, arriving: &Arriving<'_>) -> Result<(), Refusal> {
        for (rule, tally) in &self.rules {
            let admitted = match rule {
                Rule::Addresses(addresses) => addresses.admit(arriving),
                Rule::Unauthenticated => unauthenticated::admit(arriving),
            };
            admitted.inspect_err(|_| tally.refused())?;
        }
        Ok(())
    }

    /// Whether a client that is connected may stay: what has been blocked since concerns it as well.
    pub(crate) fn may_stay(&self, client: IpAddr, lists: &Lists) -> bool {
        self.rules.iter().all(|(rule, tally)| match rule {
            Rule::Addresses(addresses) => {
                let allowed = addresses.allows(client, lists);
                if !allowed {
                    tally.refused();
                }
                allowed
            }
            Rule::Unauthenticated => true,
        })
    }
}
