//! Deciding what checks that reached nobody say, and of whom (O2.3): `own_network` over the networks, with what it takes to ask.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::control::{Host, anybody};
use super::findings::{Untold, Verdict};
use super::own_network::{ENOUGH, Judgement, OwnNetwork, PATIENCE, Unreached};
use super::telemetry;
use super::visit::Checked;
use crate::ground::Ground;
use crate::relay_url::Network;
use crate::signals::Topic;
use crate::table::Status;

/// Decides about checks.
pub(super) struct Jury {
    ground: Arc<Ground>,
    control: Vec<Host>,
    networks: [OwnNetwork; Network::ALL.len()],
    /// What cannot be told yet, oldest first.
    held: VecDeque<(Instant, Checked)>,
    /// What is decided and not taken yet.
    decided: Vec<Checked>,
    /// Whom to ask whether our own network is up again, where there are no control hosts.
    canaries: Vec<Host>,
}

impl Jury {
    pub fn new(ground: Arc<Ground>) -> Self {
        let hosts = ground.config.check.control.iter();
        Self {
            control: hosts.map(|host| Host::of_operator(host)).collect(),
            networks: Default::default(),
            held: VecDeque::new(),
            decided: Vec::new(),
            canaries: Vec::new(),
            ground,
        }
    }

    /// What is decided.
    pub fn take(&mut self) -> Vec<Checked> {
        std::mem::take(&mut self.decided)
    }

    /// Whether our own network is down, so that nothing should be begun.
    pub const fn is_down(&self) -> bool {
        let [clearnet, ..] = &self.networks;
        clearnet.is_down()
    }

    fn network(&mut self, network: Network) -> &mut OwnNetwork {
        let [clearnet, tor, i2p, loki] = &mut self.networks;
        match network {
            Network::Clearnet => clearnet,
            Network::Tor => tor,
            Network::I2p => i2p,
            Network::Loki => loki,
        }
    }

    /// Decides about a check, now or later.
    pub async fn judge(&mut self, checked: Checked) {
        let now = Instant::now();
        let network = checked.due.network;
        if checked.findings.reached == Some(true) {
            self.reached(network, now);
        }
        if !checked.findings.is_unreached() {
            self.decide(checked, false);
            return;
        }
        let control = network == Network::Clearnet && !self.control.is_empty();
        let finding = Unreached {
            began: checked.began,
            was_offline: checked.due.status == Status::Offline,
        };
        match self.network(network).judge(finding, now, control) {
            Judgement::Stands => self.decide(checked, false),
            Judgement::OwnNetwork => self.decide(checked, true),
            Judgement::Hold => {
                self.held.push_back((now, checked));
                self.doubt(network).await;
            }
            Judgement::Ask => {
                let up = anybody(&self.ground, &self.control).await;
                self.answered(network, up);
                self.decide(checked, !up);
            }
        }
    }

    /// When enough relays in a row are away, tries them all once more.
    async fn doubt(&mut self, network: Network) {
        let of_network = self.held.iter().map(|(_, checked)| &checked.due);
        let hosts: Vec<Host> = of_network
            .filter(|due| due.network == network)
            .take(ENOUGH)
            .map(|due| Host::of_relay(&due.url, network))
            .collect();
        if hosts.len() < ENOUGH {
            return;
        }
        let up = anybody(&self.ground, &hosts).await;
        self.answered(network, up);
        if !up && network == Network::Clearnet {
            self.canaries = hosts;
        }
    }

    /// While our own network is down: asks whether anybody can be reached again.
    pub async fn ask_again(&mut self) {
        let hosts = match self.control.is_empty() {
            true => &self.canaries,
            false => &self.control,
        };
        if anybody(&self.ground, hosts).await {
            self.reached(Network::Clearnet, Instant::now());
        }
    }

    fn answered(&mut self, network: Network, up: bool) {
        if up {
            self.reached(network, Instant::now());
        } else if self.network(network).lost() {
            tracing::warn!(%network, "our own network is down: checks pause and say nothing");
            self.tell_network(network, false);
            self.release(network, true);
        }
    }

    fn reached(&mut self, network: Network, now: Instant) {
        if self.network(network).reached(now) {
            tracing::info!(%network, "our own network is up again");
            self.canaries.clear();
        }
        self.tell_network(network, true);
        self.release(network, false);
    }

    fn tell_network(&self, network: Network, up: bool) {
        telemetry::own_network(network, up);
        if network == Network::Clearnet {
            self.ground.signals.set_own_network(up);
            self.ground.signals.changed(Topic::Checks);
        }
    }

    /// Lets go of the findings about a network that were held back.
    fn release(&mut self, network: Network, own_network: bool) {
        for (since, checked) in std::mem::take(&mut self.held) {
            if checked.due.network == network {
                self.decide(checked, own_network);
            } else {
                self.held.push_back((since, checked));
            }
        }
    }

    /// What was held back for long stands.
    pub fn release_held(&mut self) {
        while let Some((since, _)) = self.held.front()
            && since.elapsed() >= PATIENCE
            && let Some((_, checked)) = self.held.pop_front()
        {
            self.decide(checked, false);
        }
    }

    /// Makes what is held back older.
    #[cfg(test)]
    pub fn age_held(&mut self, by: std::time::Duration) {
        for (since, _) in &mut self.held {
            *since -= by;
        }
    }

    fn decide(&mut self, mut checked: Checked, own_network: bool) {
        if own_network {
            checked.findings.verdict = Verdict::Untold(Untold::OwnNetwork);
        }
        self.decided.push(checked);
    }
}
