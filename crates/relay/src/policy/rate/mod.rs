//! The fourth stage: is it too fast (R4.5)? One bucket for each connection, address, key and for the node, asked in the
//! order that the configuration names; and what the queries of a connection may cost, which is known only afterwards.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stentor_event::PublicKey;
use stentor_net::client::IpScope;
use stentor_net::limit::{Bucket, KeyedLimiter, Limited, Rate};

use crate::config::{RateRule, Rates, Scope};

/// Addresses and keys remembered for each thing that is limited.
const REMEMBERED: usize = 65_536;
/// Things that are limited.
const THINGS: usize = 5;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// An EVENT.
    Event,
    /// A REQ.
    Req,
    /// A COUNT.
    Count,
    /// An AUTH.
    Auth,
    /// A received byte.
    Byte,
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; THINGS] = [Self::Event, Self::Req, Self::Count, Self::Auth, Self::Byte];

    /// The word for it in messages and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "events",
            Self::Req => "reqs",
            Self::Count => "counts",
            Self::Auth => "auths",
            Self::Byte => "bytes",
        }
    }

    /// Its rates.
    const fn scope(self, rates: &Rates) -> Scope {
        match self {
            Self::Event => rates.events,
            Self::Req => rates.reqs,
            Self::Count => rates.counts,
            Self::Auth => rates.auths,
            Self::Byte => rates.bytes,
        }
    }
}

/// Who sends, as far as rates go by it.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The address.
    pub ip: IpScope,
    /// The key that the connection proved first.
    pub key: Option<&'a PublicKey>,
}

/// The buckets of one connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    buckets: [Bucket; THINGS],
    rows: u64,
}

/// The buckets that connections share.
#[derive(Debug)]
pub struct Meters {
    start: Instant,
    things: [Shared; THINGS],
}

/// Those of one thing.
#[derive(Debug)]
struct Shared {
    ips: KeyedLimiter<IpScope>,
    keys: KeyedLimiter<PublicKey>,
    node: Mutex<Bucket>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            ips: KeyedLimiter::new(REMEMBERED),
            keys: KeyedLimiter::new(REMEMBERED),
            node: Mutex::default(),
        }
    }
}

impl Shared {
    /// Takes from the node's bucket, unless it has no bottom.
    fn take_of_node(&self, rate: Rate, now: Duration, units: u32) -> Result<(), Limited> {
        if rate.is_off() {
            return Ok(());
        }
        self.node.lock().take(rate, now, units)
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            things: Default::default(),
        }
    }
}

impl Meters {
    /// The time that the buckets go by.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Takes `units` of a thing for who sends it, from the buckets of these rules in this order: who is refused at one
    /// takes nothing from those after it.
    ///
    /// # Errors
    /// The rule that refuses, and [`Limited`] with the time after which it would pass.
    pub fn take(
        &self,
        meter: &mut Meter,
        sender: Sender<'_>,
        (rules, rates): (&[RateRule], &Rates),
        thing: Thing,
        units: u32,
    ) -> Result<(), (RateRule, Limited)> {
        let (scope, now) = (thing.scope(rates), self.now());
        let (Some(own), Some(shared)) = (
            meter.buckets.get_mut(thing as usize),
            self.things.get(thing as usize),
        ) else {
            return Ok(());
        };
        for rule in rules {
            let taken = match rule {
                RateRule::Connection => own.take(rates.rate(scope.connection), now, units),
                RateRule::Ip => shared
                    .ips
                    .take(&sender.ip, rates.rate(scope.ip), now, units),
                RateRule::Key => sender.key.map_or(Ok(()), |key| {
                    shared.keys.take(key, rates.rate(scope.key), now, units)
                }),
                RateRule::Node => shared.take_of_node(rates.rate(scope.node), now, units),
            };
            taken.map_err(|limited| (*rule, limited))?;
        }
        Ok(())
    }

    /// Whether the connection may ask again: what its queries cost is made up for, but for a burst.
    ///
    /// # Errors
    /// [`Limited`], with the time after which it may.
    pub fn may_query(&self, meter: &Meter, rates: &Rates) -> Result<(), Limited> {
        let burst = u64::from(rates.burst_seconds) * 1_000_000_000;
        let allowed = nanos(self.now()).saturating_add(burst);
        if rates.rows == 0 || meter.rows <= allowed {
            return Ok(());
        }
        Err(Limited {
            retry_after: Duration::from_nanos(meter.rows - allowed),
        })
    }

    /// Charges what a query has cost.
    pub fn charge(&self, meter: &mut Meter, rates: &Rates, rows: u64) {
        if rates.rows > 0 {
            let cost = rows.saturating_mul(1_000_000_000) / u64::from(rates.rows);
            meter.rows = meter.rows.max(nanos(self.now())).saturating_add(cost);
        }
    }

    /// Forgets who has not been seen for a while.
    pub fn sweep(&self) {
        let now = self.now();
        for shared in &self.things {
            shared.ips.sweep(now);
            shared.keys.sweep(now);
        }
    }
}

/// Nanoseconds of 584 years fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Policy;

    fn sender(ip: [u8; 4]) -> Sender<'static> {
        Sender {
            ip: IpScope::from(std::net::IpAddr::from(ip)),
            key: None,
        }
    }

    fn rates(connection: u32, ip: u32, key: u32, node: u32) -> Rates {
        Rates {
            events: Scope {
                connection,
                ip,
                key,
                node,
            },
            burst_seconds: 3_600,
            ..Rates::default()
        }
    }

    /// How many of 20,000 events pass, from connections of the given number on one address.
    fn passing(rates: &Rates, connections: usize, key: Option<PublicKey>) -> usize {
        let (meters, mut own) = (Meters::default(), vec![Meter::default(); connections]);
        let sender = Sender {
            key: key.as_ref(),
            ..sender([10, 0, 0, 1])
        };
        (0..20_000)
            .filter(|turn| {
                let rules = Policy::default().rate;
                let meter = &mut own[turn % connections];
                let by = (rules.as_slice(), rates);
                meters.take(meter, sender, by, Thing::Event, 1).is_ok()
            })
            .count()
    }

    #[test]
    fn r4_5_rates_hold_per_connection_address_key_and_node() {
        let most = 3_600;
        assert_eq!(passing(&rates(1, 0, 0, 0), 2, None), 2 * most);
        assert_eq!(passing(&rates(0, 1, 0, 0), 2, None), most);
        assert_eq!(
            passing(&rates(0, 0, 1, 0), 2, Some(PublicKey([1; 32]))),
            most
        );
        assert_eq!(passing(&rates(0, 0, 1, 0), 2, None), 20_000);
        assert_eq!(passing(&rates(0, 0, 0, 1), 2, None), most);
        assert_eq!(passing(&rates(0, 0, 0, 0), 2, None), 20_000);
    }

    #[test]
    fn r4_5_a_query_is_charged_afterwards() {
        let (meters, mut meter) = (Meters::default(), Meter::default());
        let rates = Rates {
            rows: 1_000,
            ..Rates::default()
        };
        assert!(meters.may_query(&meter, &rates).is_ok());
        meters.charge(&mut meter, &rates, 900);
        assert!(meters.may_query(&meter, &rates).is_ok());
        meters.charge(&mut meter, &rates, 1_000_000);
        assert!(
            meters.may_query(&meter, &rates).unwrap_err().retry_after > Duration::from_secs(900)
        );
        assert!(
            meters
                .may_query(&meter, &Rates { rows: 0, ..rates })
                .is_ok()
        );
    }
}
