//! Whose turn it is among the candidates that are due: fair between networks (O1.3). Pure.
//!
//! Candidates of a slow network hold their turns for long. The network that has the fewest under way comes next, and none has more than
//! its connections allow, so that a thousand candidates on Tor hold up no other.

use std::collections::{HashSet, VecDeque};

use crate::relay_url::Network;
use crate::table::{Relay, RelayId};

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
    under_way: HashSet<RelayId>,
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
            under_way: HashSet::new(),
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
        let wanting = |line: &&Line| !line.dry && line.waiting.is_empty() && line.has_room();
        // Those under way are due in the records, too.
        let wanted = |line: &Line| (line.network, line.under_way.len() + self.parallel);
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
            .filter(|relay| !under_way.contains(&relay.id));
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
        let ready = |line: &&mut Line| !line.waiting.is_empty() && line.has_room();
        let lines = self.networks.iter_mut().filter(ready);
        let line = lines.min_by_key(|line| line.under_way.len())?;
        let relay = line.waiting.pop_front()?;
        line.under_way.insert(relay.id);
        Some(relay)
    }

    /// Somebody was tried.
    pub fn done(&mut self, network: Network, id: RelayId) {
        if let Some(line) = self.line(network) {
            line.under_way.remove(&id);
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
            turns.done(Network::Clearnet, one.id);
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
        turns.done(Network::Clearnet, RelayId(2));
        assert!(turns.wanted().contains(&(Network::Clearnet, 3)));
        turns.fill(Network::Clearnet, 3, vec![first, relay(3, "example")]);
        assert_eq!(turns.next().unwrap().id, RelayId(3));
        turns.done(Network::Clearnet, RelayId(3));
        assert!(turns.next().is_none());
        // Dry, until somebody says otherwise.
        assert!(!turns.wanted().contains(&(Network::Clearnet, 3)));
        turns.look_again();
        assert!(turns.wanted().contains(&(Network::Clearnet, 3)));
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
                    Some(relay) if done => turns.done(relay.url.network(), relay.id),
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
