//! The service: takes what is due, visits, judges, writes (O2.3, O5.5).
//!
//! One task owns everything here but the visits themselves. A check that is done is judged (`own_network`), waits at most
//! [`FLUSH`] for others, and is written with them in one transaction. What is being checked stays due in the records until then, so
//! that a kill loses nothing but the visit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::attempt::Visitor;
use super::control::{Host, anybody};
use super::findings::{Untold, Verdict};
use super::own_network::{ENOUGH, Judgement, OwnNetwork, PATIENCE, Unreached};
use super::queue::Queue;
use super::schedule::Schedule;
use super::telemetry;
use super::visit::{Checked, check};
use crate::alert;
use crate::error::Error;
use crate::ground::Ground;
use crate::history::{self, Entry};
use crate::relay_url::Network;
use crate::table::Status;

/// How long a result waits for others, and how many there are at most.
const FLUSH: Duration = Duration::from_millis(100);
const BATCH: usize = 200;
/// How often the records are looked at for what is due.
const LOOK: Duration = Duration::from_millis(500);
/// How often the control hosts are asked while our own network is down.
const ASK: Duration = Duration::from_secs(5);
/// How often the progress is told in metrics.
const TELL: Duration = Duration::from_secs(15);
/// Checks under way for each visit that there may be at once: the others pause before they try again.
const PAUSING: usize = 2;
/// Seconds over which as many checks are begun as there may be at once.
const PACE_SECONDS: f64 = 2.0;

/// Checks relays for ever.
///
/// # Errors
/// Those of the records.
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    Service::new(ground).run().await
}

pub(super) struct Service {
    ground: Arc<Ground>,
    visitor: Arc<Visitor>,
    places: Arc<Semaphore>,
    schedule: Schedule,
    control: Vec<Host>,
    queue: Queue,
    checks: JoinSet<Checked>,
    networks: [OwnNetwork; Network::ALL.len()],
    /// Findings that cannot be told yet, oldest first.
    held: VecDeque<(Instant, Checked)>,
    /// Whom to ask whether a network is up again.
    canaries: Vec<Host>,
    batch: Vec<Entry>,
    /// When the oldest of the batch came.
    since: Option<Instant>,
    next_start: Instant,
}

impl Service {
    pub(super) fn new(ground: Arc<Ground>) -> Self {
        let config = &ground.config.check;
        let hosts = config.control.iter();
        Self {
            visitor: Arc::new(Visitor {
                places: ground.places.clone(),
                ground: ground.clone(),
            }),
            places: Arc::new(Semaphore::new(config.parallel)),
            schedule: Schedule::new(Duration::from_secs(config.interval_seconds)),
            control: hosts.map(|host| Host::of_operator(host)).collect(),
            queue: Queue::default(),
            checks: JoinSet::new(),
            networks: Default::default(),
            held: VecDeque::new(),
            canaries: Vec::new(),
            batch: Vec::new(),
            since: None,
            next_start: Instant::now(),
            ground,
        }
    }

    async fn run(mut self) -> Result<(), Error> {
        let every = |period| {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut look, mut ask, mut tell) = (every(LOOK), every(ASK), every(TELL));
        loop {
            let flush = self.since.map(|since| since + FLUSH);
            let start = self.may_start().then_some(self.next_start);
            tokio::select! {
                Some(done) = self.checks.join_next() => match done {
                    Ok(checked) => self.judge(checked).await,
                    // Nobody knows whose check it was: with a restart, all are due again.
                    Err(error) => return Err(Error::Invalid(error.to_string())),
                },
                () = until(start) => self.start().await?,
                () = until(flush) => self.flush().await?,
                _ = look.tick() => {
                    self.release_held();
                    self.fill().await?;
                }
                _ = ask.tick(), if self.network(Network::Clearnet).is_down() => self.ask_again().await,
                _ = tell.tick() => self.tell().await?,
            }
            if self.batch.len() >= BATCH {
                self.flush().await?;
            }
        }
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

    /// While our own network is down, nothing is begun.
    fn may_start(&mut self) -> bool {
        let most = self.ground.config.check.parallel * PAUSING;
        !self.queue.is_empty()
            && self.checks.len() < most
            && !self.network(Network::Clearnet).is_down()
    }

    /// Begins the next check, and says when the one after it may begin: however many are due, not all at one moment.
    async fn start(&mut self) -> Result<(), Error> {
        if let Some(due) = self.queue.take() {
            let (visitor, places) = (self.visitor.clone(), self.places.clone());
            self.checks.spawn(check(visitor, places, due));
        }
        let parallel = self.ground.config.check.parallel as f64;
        let pace = Duration::from_secs_f64(PACE_SECONDS / parallel);
        // What a timer was late by is made up for, but no more than a little.
        let now = Instant::now();
        let behind = now.checked_sub(FLUSH).unwrap_or(now);
        self.next_start = self.next_start.max(behind) + pace;
        if self.queue.is_empty() {
            self.fill().await?;
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), Error> {
        let most = self.ground.config.check.parallel * PAUSING;
        let now_ms = self.ground.clock.now_ms();
        Ok(self.queue.fill(&self.ground.records, now_ms, most).await?)
    }

    /// Decides what a check says, and of whom.
    pub(super) async fn judge(&mut self, checked: Checked) {
        let now = Instant::now();
        let network = checked.due.network;
        if checked.findings.reached == Some(true) {
            self.reached(network, now);
        }
        if !checked.findings.is_unreached() {
            self.keep(checked, false);
            return;
        }
        let control = network == Network::Clearnet && !self.control.is_empty();
        let finding = Unreached {
            began: checked.began,
            was_offline: checked.due.status == Status::Offline,
        };
        match self.network(network).judge(finding, now, control) {
            Judgement::Stands => self.keep(checked, false),
            Judgement::OwnNetwork => self.keep(checked, true),
            Judgement::Hold => {
                self.held.push_back((now, checked));
                self.doubt(network).await;
            }
            Judgement::Ask => {
                let up = anybody(&self.ground, &self.control).await;
                self.answered(network, up);
                self.keep(checked, !up);
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

    async fn ask_again(&mut self) {
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
        }
    }

    /// Lets go of the findings about a network that were held back.
    fn release(&mut self, network: Network, own_network: bool) {
        for (since, checked) in std::mem::take(&mut self.held) {
            if checked.due.network == network {
                self.keep(checked, own_network);
            } else {
                self.held.push_back((since, checked));
            }
        }
    }

    /// What was held back for long stands.
    pub(super) fn release_held(&mut self) {
        while let Some((since, _)) = self.held.front()
            && since.elapsed() >= PATIENCE
            && let Some((_, checked)) = self.held.pop_front()
        {
            self.keep(checked, false);
        }
    }

    /// Makes what is held back older.
    #[cfg(test)]
    pub(super) fn age_held(&mut self, by: Duration) {
        for (since, _) in &mut self.held {
            *since -= by;
        }
    }

    /// Puts a check among those that are to be written.
    fn keep(&mut self, checked: Checked, own_network: bool) {
        let Checked {
            due,
            mut findings,
            attempts,
            took,
            ..
        } = checked;
        if own_network {
            findings.verdict = Verdict::Untold(Untold::OwnNetwork);
        }
        telemetry::checked(&findings, attempts, took);
        let at_ms = self.ground.clock.now_ms();
        self.batch
            .push(Entry::new(due.relay, at_ms, attempts, findings));
        self.since.get_or_insert_with(Instant::now);
    }

    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        self.since = None;
        if self.batch.is_empty() {
            return Ok(());
        }
        let entries: Arc<[Entry]> = std::mem::take(&mut self.batch).into();
        let (batch, schedule) = (entries.clone(), self.schedule);
        let config = self.ground.config.alert.clone();
        let write = self
            .ground
            .records
            .write(move |tx| history::record(tx, schedule, &config, &batch));
        let recorded = write.await?;
        for entry in entries.iter() {
            self.queue.done(entry.relay);
        }
        if recorded.alerts > 0 {
            alert::committed(&self.ground);
        }
        self.ground.signals.checks.notify_waiters();
        self.ground.signals.changed();
        tracing::debug!(
            checks = entries.len(),
            changed = recorded.changed,
            "checks written"
        );
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), Error> {
        let now_ms = self.ground.clock.now_ms();
        let due = Queue::due(&self.ground.records, now_ms).await?;
        telemetry::progress(due, self.checks.len());
        for (status, count) in history::statuses(&self.ground.records).await? {
            telemetry::status(status, count);
        }
        Ok(())
    }
}

/// Waits until a time; for ever where there is none.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
