//! Deciding what checks that reached nobody say, and of whom (O2.3): `own_network` over the networks, with what it takes to ask.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::control::{Host, Sample, anybody};
use super::findings::{Findings, Untold, Verdict};
use super::own_network::{ENOUGH, Judgement, OwnNetwork, PATIENCE, Unreached};
use super::telemetry;
use super::visit::Checked;
use crate::error::Error;
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
    /// Relays that were away when our own network was lost, who are asked whether it is up again where there are no control hosts.
    canaries: Vec<Host>,
    /// Others, as all of these may be gone for good.
    sample: Sample,
    /// Whether it has been told that the control hosts do not answer.
    warned: bool,
    /// Networks whose proxy, which is ours, did not answer the last visit.
    no_proxy: HashSet<Network>,
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
            sample: Sample::default(),
            warned: false,
            no_proxy: HashSet::new(),
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
    ///
    /// # Errors
    /// Those of the records.
    pub async fn judge(&mut self, checked: Checked) -> Result<(), Error> {
        let now = Instant::now();
        let network = checked.due.network;
        self.heed_proxy(network, &checked.findings);
        if let Some(at) = checked.findings.reached_at {
            self.reached(network, at);
        }
        if !checked.findings.is_unreached() {
            self.decide(checked, false);
            return Ok(());
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
                self.doubt(network).await?;
            }
            Judgement::Ask => {
                let up = self.is_up().await?;
                self.answered(network, up);
                self.decide(checked, !up);
            }
        }
        Ok(())
    }

    /// Tells when the proxy to a network does not answer, and when it does again.
    fn heed_proxy(&mut self, network: Network, findings: &Findings) {
        if findings.verdict == Verdict::Untold(Untold::OwnNetwork) {
            if self.no_proxy.insert(network) {
                tracing::warn!(%network, "the proxy to this network does not answer: checks say nothing of it");
                self.tell_network(network, false);
            }
        } else if findings.reached.is_some() && self.no_proxy.remove(&network) {
            tracing::info!(%network, "the proxy to this network answers again");
            let up = !self.network(network).is_down();
            self.tell_network(network, up);
        }
    }

    /// Whether a control host takes a connection, or else any of some relays.
    async fn is_up(&mut self) -> Result<bool, Error> {
        if anybody(&self.ground, &self.control).await {
            return Ok(true);
        }
        let others = self.sample.next(&self.ground, Network::Clearnet).await?;
        let up = anybody(&self.ground, &others).await;
        if up && !std::mem::replace(&mut self.warned, true) {
            tracing::warn!("relays can be reached, but no host of check.control");
        }
        Ok(up)
    }

    /// When enough relays in a row are away, tries them all once more, and some others.
    async fn doubt(&mut self, network: Network) -> Result<(), Error> {
        let of_network = self.held.iter().map(|(_, checked)| &checked.due);
        let hosts: Vec<Host> = of_network
            .filter(|due| due.network == network)
            .take(ENOUGH)
            .map(|due| Host::of_relay(&due.url, network))
            .collect();
        if hosts.len() < ENOUGH {
            return Ok(());
        }
        let others = self.sample.next(&self.ground, network).await?;
        let up = anybody(&self.ground, &[hosts.as_slice(), &others].concat()).await;
        self.answered(network, up);
        if !up && network == Network::Clearnet {
            self.canaries = hosts;
        }
        Ok(())
    }

    /// While our own network is down: asks whether anybody can be reached again.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn ask_again(&mut self) -> Result<(), Error> {
        let up = if self.control.is_empty() {
            let others = self.sample.next(&self.ground, Network::Clearnet).await?;
            anybody(&self.ground, &[self.canaries.as_slice(), &others].concat()).await
        } else {
            self.is_up().await?
        };
        if up {
            self.reached(Network::Clearnet, Instant::now());
        }
        Ok(())
    }

    fn answered(&mut self, network: Network, up: bool) {
        if up {
            self.reached(network, Instant::now());
        } else if self.network(network).lost(Instant::now()) {
            tracing::warn!(%network, "our own network is down: checks pause and say nothing");
            self.tell_network(network, false);
            self.release(network, |_| true, true);
        }
    }

    /// A connection was made at this time.
    fn reached(&mut self, network: Network, at: Instant) {
        if self.network(network).reached(at) {
            tracing::info!(%network, "our own network is up again");
            self.canaries.clear();
        }
        if !self.network(network).is_down() {
            self.tell_network(network, true);
        }
        self.release(network, |checked| checked.began <= at, false);
    }

    fn tell_network(&self, network: Network, up: bool) {
        telemetry::own_network(network, up);
        if network == Network::Clearnet {
            self.ground.signals.set_own_network(up);
            self.ground.signals.changed(Topic::Checks);
        }
    }

    /// Lets go of those of the findings about a network that were held back for which `which` says yes.
    fn release(&mut self, network: Network, which: impl Fn(&Checked) -> bool, own_network: bool) {
        for (since, checked) in std::mem::take(&mut self.held) {
            if checked.due.network == network && which(&checked) {
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

    /// Whether the proxy to this network did not answer the last visit.
    #[cfg(test)]
    pub fn is_proxy_away(&self, network: Network) -> bool {
        self.no_proxy.contains(&network)
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
