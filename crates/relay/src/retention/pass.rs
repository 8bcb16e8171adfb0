//! One pass over the rules.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use stentor_event::{EventId, Kind, PublicKey, Timestamp};
use stentor_store::{EventStore, Outline, Statistics, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::pace::Pace;
use super::sweep::Sweep;
use super::walk::{Place, Walk, place};
use super::{AuthorClasses, Rule, Rules, Total};
use crate::config::{self, ConfigError};

/// Keeps a store within the rules.
pub struct Retention {
    store: Arc<dyn EventStore>,
    protected: HashSet<PublicKey>,
    classes: Arc<dyn AuthorClasses>,
    /// Held by the one pass that removes: two would go at twice the pace.
    turn: Mutex<()>,
}

/// What a pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It tells what would go.
    DryRun,
    /// It removes what has to go.
    Remove,
}

/// What a rule has done, or would do after the rules before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The rule.
    pub rule: String,
    /// Whether it waits until the classes of authors are known. What it had removed before they became unknown counts.
    pub waiting: bool,
    /// What goes.
    pub removed: Total,
    /// When the oldest event that goes was made, in seconds since 1970.
    pub oldest_removed: Option<u64>,
    /// When the newest event that goes was made, likewise.
    pub newest_removed: Option<u64>,
    /// When the oldest event that stays was made, likewise, as far as the rule had to look.
    pub oldest_left: Option<u64>,
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The rules make no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a sweep ended early.
enum Halt {
    Store(StoreError),
    /// It is not known any more of what class authors are.
    Unknown,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A pass under way.
struct Pass<'a> {
    keeper: &'a Retention,
    rules: Rules,
    now: Timestamp,
    mode: Mode,
    batch: usize,
    begun: Instant,
    pace: Pace,
    /// In a dry run, how far the rules before have come: what they concern up to there would be gone.
    before: Vec<(Rule, Place)>,
}

impl Retention {
    /// Over a store. Events of the `protected` authors are never removed.
    pub fn new(
        store: Arc<dyn EventStore>,
        protected: impl IntoIterator<Item = PublicKey>,
        classes: Arc<dyn AuthorClasses>,
    ) -> Self {
        Self {
            store,
            protected: protected.into_iter().collect(),
            classes,
            turn: Mutex::new(()),
        }
    }

    /// Goes over all rules once, in their order; one that removes waits for another to end. `progress` hears of a rule's report as it grows. Dropping the future ends
    /// the pass between two commits.
    ///
    /// # Errors
    /// [`RetentionError`]; what was removed before stays removed.
    pub async fn pass(
        &self,
        config: &config::Retention,
        now: Timestamp,
        mode: Mode,
        progress: &(dyn Fn(&Report) + Sync),
    ) -> Result<Vec<Report>, RetentionError> {
        let _turn = match mode {
            Mode::Remove => Some(self.turn.lock().await),
            Mode::DryRun => None,
        };
        let mut pass = Pass {
            keeper: self,
            rules: Rules::new(config, self.classes.names())?,
            now,
            mode,
            batch: config.batch_events.max(1),
            begun: Instant::now(),
            pace: Pace::new(config.events_per_second),
            before: Vec::new(),
        };
        let rules: Vec<Rule> = pass.rules.iter().cloned().collect();
        let mut reports = Vec::with_capacity(rules.len());
        for rule in rules {
            let mut report = Report {
                rule: rule.name().to_owned(),
                ..Report::default()
            };
            match pass.sweep(&rule, &mut report, progress).await {
                Ok(()) => {}
                Err(Halt::Unknown) => report.waiting = true,
                Err(Halt::Store(error)) => return Err(error.into()),
            }
            progress(&report);
            reports.push(report);
        }
        Ok(reports)
    }
}

impl Pass<'_> {
    /// Removes what has to go by one rule.
    async fn sweep(
        &mut self,
        rule: &Rule,
        report: &mut Report,
        progress: &(dyn Fn(&Report) + Sync),
    ) -> Result<(), Halt> {
        self.check_ready(rule)?;
        let there = self.there(rule).await?;
        let mut sweep = Sweep::new(rule, self.now, there);
        if sweep.is_done() {
            return Ok(());
        }
        let mut filter = self.rules.filter(rule);
        filter.until = sweep.until();
        let store = Arc::clone(&self.keeper.store);
        let mut walk = Walk::new(&*store, filter, self.now);
        let (mut chosen, mut reached) = (Vec::new(), None);
        'walk: while let Some(events) = walk.next().await? {
            for event in events {
                let concerned = self.concerns(rule, &event)? && !self.is_gone(&event)?;
                if !concerned || self.is_protected(&event) {
                    continue;
                }
                if !sweep.is_due(&event) {
                    report.oldest_left = Some(event.created_at.0);
                    break 'walk;
                }
                sweep.chosen(&event);
                reached = Some(place(&event));
                chosen.push(event);
                if chosen.len() >= self.batch {
                    self.remove(rule, &mut chosen, report).await?;
                    progress(report);
                }
            }
        }
        self.remove(rule, &mut chosen, report).await?;
        if let (Mode::DryRun, Some(reached)) = (self.mode, reached) {
            self.before.push((rule.clone(), reached));
        }
        Ok(())
    }

    /// Ends a sweep when the rule has to wait for the classes of authors.
    fn check_ready(&self, rule: &Rule) -> Result<(), Halt> {
        let is_ready = self.rules.is_ready(rule, &*self.keeper.classes);
        is_ready.then_some(()).ok_or(Halt::Unknown)
    }

    /// How much there is that a rule is about, as far as its limits ask for it.
    async fn there(&self, rule: &Rule) -> Result<Total, Halt> {
        if !rule.has_totals() {
            return Ok(Total::default());
        }
        let by_figures = rule.is_about_all() || (rule.is_by_kind() && rule.max_bytes.is_none());
        if by_figures && self.before.is_empty() {
            let store = Arc::clone(&self.keeper.store);
            // It reads the sizes of files, so it is no work for this thread.
            let figures = tokio::task::spawn_blocking(move || store.statistics()).await;
            return Ok(of_figures(rule, &figures.map_err(|_| StoreError::Closed)?));
        }
        let store = &*self.keeper.store;
        let mut walk = Walk::new(store, self.rules.filter(rule), self.now);
        let mut total = Total::default();
        while let Some(events) = walk.next().await? {
            for event in &events {
                // A limit on everything counts what may not be removed as well.
                let counts = rule.is_about_all() || self.concerns(rule, event)?;
                if counts && !self.is_gone(event)? {
                    total.add(event);
                }
            }
        }
        Ok(total)
    }

    /// Whether a rule is about an event.
    fn concerns(&self, rule: &Rule, event: &Outline) -> Result<bool, Halt> {
        let concerns = self.rules.concerns(rule, event, &*self.keeper.classes);
        concerns.ok_or(Halt::Unknown)
    }

    /// Whether a rule before this one would have removed an event (in a dry run).
    fn is_gone(&self, event: &Outline) -> Result<bool, Halt> {
        for (rule, reached) in &self.before {
            let is_reached = place(event) <= *reached && !self.is_protected(event);
            if is_reached && self.concerns(rule, event)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_protected(&self, event: &Outline) -> bool {
        self.keeper.protected.contains(&event.author)
    }

    /// Those of the chosen events that the rule is still about: who is of what class may have changed since.
    fn still(&self, rule: &Rule, chosen: &mut Vec<Outline>) -> Result<Vec<Outline>, Halt> {
        self.check_ready(rule)?;
        let mut still = Vec::with_capacity(chosen.len());
        for event in chosen.drain(..) {
            if self.concerns(rule, &event)? {
                still.push(event);
            }
        }
        Ok(still)
    }

    /// Removes the chosen events with one commit, then waits as long as the pace asks for.
    async fn remove(
        &mut self,
        rule: &Rule,
        chosen: &mut Vec<Outline>,
        report: &mut Report,
    ) -> Result<(), Halt> {
        let chosen = self.still(rule, chosen)?;
        let (Some(first), Some(last)) = (chosen.first(), chosen.last()) else {
            return Ok(());
        };
        report.oldest_removed = report.oldest_removed.or(Some(first.created_at.0));
        report.newest_removed = Some(last.created_at.0);
        let mut total = Total::default();
        chosen.iter().for_each(|event| total.add(event));
        let mut wait = Duration::ZERO;
        if self.mode == Mode::Remove {
            let ids: Vec<EventId> = chosen.iter().map(|event| event.id).collect();
            // Some may have left by themselves.
            total.events = self.keeper.store.remove(&ids).await?;
            super::service::removed(&report.rule, total);
            wait = self.pace.removed(ids.len(), self.begun.elapsed());
        }
        report.removed.events += total.events;
        report.removed.bytes += total.bytes;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

/// What the figures of the store say of the events that a rule is about.
fn of_figures(rule: &Rule, figures: &Statistics) -> Total {
    let of_kinds = figures.by_kind.iter();
    let events = of_kinds
        .filter(|(kind, _)| rule.is_about_all() || rule.has_kind(Kind(**kind)))
        .map(|(_, count)| count);
    Total {
        events: events.sum(),
        bytes: figures.live_bytes,
    }
}
