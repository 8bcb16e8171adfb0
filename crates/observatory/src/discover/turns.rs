//! Whose turn it is among the candidates that are due: fair between networks (O1.3). Pure.
//!
//! Candidates of a slow network hold their turns for long. The network that has the fewest under way comes next, and none has more than
//! its connections allow, so that a thousand candidates on Tor hold up no other. A host is asked twice at once at most: whoever names
//! many URLs of it does not have us storm it. Others are passed over until one of the two is done.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::relay_url::Network;
use crate::table::{Relay, RelayId};

/// Candidates of one host that are tried at once.
const OF_HOST: usize = 2;
/// Candidates of a network that wait, above which no more are read: those of busy hosts are passed over, and are not to fill memory.
const MOST_WAITING: usize = 4_096;

/// The candidates that wait, and those that are being tried.
pub(super) struct Turns {
    networks: Vec<Line>,
    /// Candidates that are tried at once.
    parallel: usize,
}

/// The candidates of one network.
struct Line {
    network: Network,
    waiting: VecDeque<Relay>,
    /// With their hosts.
    under_way: HashMap<RelayId, String>,
    /// How many may be under way.
    most: usize,
    /// Whether the records have none that is due.
    dry: bool,
}

impl Turns {
    /// Nobody waits. `most` says how many of a network may be under way.
    pub fn new(parallel: usize, most: impl Fn(Network) -> usize) -> Self {
        let line = |network| Line {
            network,
            waiting: VecDeque::new(),
            under_way: HashMap::new(),
            most: most(network),
            dry: false,
        };
        Self {
            networks: Network::ALL.map(line).into(),
            parallel,
        }
    }

    /// The networks of which the records may have more that can be tried now, and how many to ask for.
    pub fn wanted(&self) -> Vec<(Network, usize)> {
        let wanting = |line: &&Line| {
            let more = !line.dry && line.waiting.len() < MOST_WAITING;
            more && line.has_room() && line.first().is_none()
        };
        // Those under way and those that are passed over are due in the records, too.
        let known = |line: &Line| line.under_way.len() + 2 * line.waiting.len();
        let wanted = |line: &Line| (line.network, known(line) + self.parallel);
        self.networks.iter().filter(wanting).map(wanted).collect()
    }

    /// What the records have for a network, of `asked` that were asked for.
    pub fn fill(&mut self, network: Network, asked: usize, due: Vec<Relay>) {
        let Some(line) = self.line(network) else {
            return;
        };
        line.dry = due.len() < asked;
        let under_way = &line.under_way;
        let new = due
            .into_iter()
            .filter(|relay| !under_way.contains_key(&relay.id));
        line.waiting = new.collect();
    }

    /// There may be more in the records than there were.
    pub fn look_again(&mut self) {
        for line in &mut self.networks {
            line.dry = false;
        }
    }

    /// Who is to be tried next, if anybody can be.
    pub fn next(&mut self) -> Option<Relay> {
        let under_way: usize = self.networks.iter().map(|line| line.under_way.len()).sum();
        if under_way >= self.parallel {
            return None;
        }
        let lines = self.networks.iter_mut().filter(|line| line.has_room());
        let ready = lines.filter_map(|line| line.first().map(|at| (at, line)));
        let (at, line) = ready.min_by_key(|(_, line)| line.under_way.len())?;
        let relay = line.waiting.remove(at)?;
        let host = relay.url.host().to_owned();
        line.under_way.insert(relay.id, host);
        Some(relay)
    }

    /// Somebody was tried.
    pub fn done(&mut self, relay: &Relay) {
        if let Some(line) = self.line(relay.url.network()) {
            line.under_way.remove(&relay.id);
        }
    }

    fn line(&mut self, network: Network) -> Option<&mut Line> {
        let mut lines = self.networks.iter_mut();
        lines.find(|line| line.network == network)
    }
}

impl Line {
    fn has_room(&self) -> bool {
        self.under_way.len() < self.most
    }

    /// Where the first stands whose host is not busy.
    fn first(&self) -> Option<usize> {
        let mut busy: HashMap<&str, usize> = HashMap::new();
        for host in self.under_way.values().filter(|host| !is_own(host)) {
            *busy.entry(host).or_default() += 1;
        }
        let free = |host: &str| busy.get(host).is_none_or(|tried| *tried < OF_HOST);
        self.waiting.iter().position(|relay| free(relay.url.host()))
    }
}

/// Whether it is an address of this machine. It is nobody's to be spared: strangers lead there only where the operator lets them, who
/// tries something out then.
fn is_own(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::relay_url::RelayUrl;
    use crate::table::{State, Status};

    fn relay(id: i64, end: &str) -> Relay {
        Relay {
            id: RelayId(id),
            url: RelayUrl::parse(&format!("ws://r{id}.{end}")).unwrap(),
            state: State::Candidate,
            status: Status::Unknown,
            failures: 0,
            next_ms: 0,
            seen_ms: None,
        }
    }

    fn many(from: i64, end: &str) -> Vec<Relay> {
        (from..from + 20).map(|id| relay(id, end)).collect()
    }

    #[test]
    fn o1_3_networks_have_their_turns_alike() {
        let mut turns = Turns::new(8, |network| match network {
            Network::I2p => 1,
            _ => 100,
        });
        turns.fill(Network::Tor, 20, many(0, "onion"));
        turns.fill(Network::Clearnet, 20, many(100, "example"));
        turns.fill(Network::I2p, 20, many(200, "i2p"));
        let first: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        let of = |network| first.iter().filter(move |one| one.url.network() == network);
        assert_eq!(first.len(), 8);
        assert_eq!(of(Network::I2p).count(), 1);
        assert!(of(Network::Tor).count() >= 3 && of(Network::Clearnet).count() >= 3);
        // Tor is slow: what becomes free goes to who has fewer under way.
        for one in of(Network::Clearnet) {
            turns.done(one);
        }
        let next: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert!(
            next.iter()
                .all(|one| one.url.network() == Network::Clearnet)
        );
    }

    #[test]
    fn o1_3_nobody_is_tried_twice_at_once() {
        let mut turns = Turns::new(2, |_| 2);
        assert_eq!(turns.wanted().len(), 4);
        turns.fill(
            Network::Clearnet,
            2,
            vec![relay(1, "example"), relay(2, "example")],
        );
        let first = turns.next().unwrap();
        assert!(
            turns
                .wanted()
                .iter()
                .all(|(network, _)| *network != Network::Clearnet)
        );
        turns.next().unwrap();
        turns.done(&relay(2, "example"));
        assert!(turns.wanted().contains(&(Network::Clearnet, 3)));
        turns.fill(Network::Clearnet, 3, vec![first, relay(3, "example")]);
        assert_eq!(turns.next().unwrap().id, RelayId(3));
        turns.done(&relay(3, "example"));
        assert!(turns.next().is_none());
        // Dry, until somebody says otherwise.
        assert!(!turns.wanted().contains(&(Network::Clearnet, 3)));
        turns.look_again();
        assert!(turns.wanted().contains(&(Network::Clearnet, 3)));
    }

    #[test]
    fn o1_3_a_host_is_asked_twice_at_once_at_most() {
        let mut turns = Turns::new(8, |_| 100);
        let of_victim = |id: i64| Relay {
            url: RelayUrl::parse(&format!("ws://victim.example:{}/{id}", id + 1)).unwrap(),
            ..relay(id, "example")
        };
        let asked = turns.wanted()[0].1;
        let all: Vec<Relay> = (0..50).map(of_victim).chain(many(100, "example")).collect();
        let due = |asked: usize| all.iter().take(asked).cloned().collect::<Vec<_>>();
        turns.fill(Network::Clearnet, asked, due(asked));
        let first: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(first, [of_victim(0), of_victim(1)]);
        // Those behind them have their turn all the same.
        for _ in 0..5 {
            let wanted = turns.wanted();
            let wanted = wanted
                .iter()
                .find(|(network, _)| *network == Network::Clearnet);
            if let Some((_, asked)) = wanted {
                turns.fill(Network::Clearnet, *asked, due(*asked));
            }
        }
        let next: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(next, many(100, "example")[..6]);
        turns.done(&first[1]);
        assert_eq!(turns.next(), Some(of_victim(2)));
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn o1_3_this_machine_is_not_spared() {
        let mut turns = Turns::new(8, |_| 100);
        let here = |id: i64| Relay {
            url: RelayUrl::parse(&format!("ws://127.0.0.1/{id}")).unwrap(),
            ..relay(id, "example")
        };
        turns.fill(Network::Clearnet, 20, (0..20).map(here).collect());
        assert_eq!(std::iter::from_fn(|| turns.next()).count(), 8);
        assert!(is_own("[::1]") && !is_own("192.0.2.1") && !is_own("localhost.example"));
    }

    #[test]
    fn o1_3_who_is_passed_over_does_not_fill_memory() {
        let mut turns = Turns::new(64, |_| 100);
        let of_victim = |id: usize| Relay {
            url: RelayUrl::parse(&format!("ws://victim.example/{id}")).unwrap(),
            ..relay(i64::try_from(id).unwrap(), "example")
        };
        let mut most = 0;
        for _ in 0..50 {
            let wanted = turns.wanted();
            for (network, asked) in wanted {
                let clearnet = network == Network::Clearnet;
                let due = (0..if clearnet { asked } else { 0 }).map(of_victim);
                turns.fill(network, asked, due.collect());
                most = most.max(asked);
            }
            turns.next();
        }
        assert!(turns.wanted().is_empty());
        assert!((MOST_WAITING..3 * MOST_WAITING).contains(&most), "{most}");
    }

    proptest! {
        #[test]
        fn o1_3_no_more_than_there_may_be(parallel in 1_usize..10, most in 1_usize..5, done in prop::collection::vec(any::<bool>(), 0..60)) {
            let mut turns = Turns::new(parallel, |_| most);
            turns.fill(Network::Tor, 20, many(0, "onion"));
            turns.fill(Network::Clearnet, 20, many(100, "example"));
            let mut under_way: Vec<Relay> = Vec::new();
            for done in done {
                match under_way.pop() {
                    Some(relay) if done => turns.done(&relay),
                    last => {
                        under_way.extend(last);
                        under_way.extend(turns.next());
                    }
                }
                prop_assert!(under_way.len() <= parallel);
                for network in Network::ALL {
                    prop_assert!(under_way.iter().filter(|one| one.url.network() == network).count() <= most);
                }
            }
        }
    }
}
