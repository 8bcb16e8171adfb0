//! Retention in the background.

use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::{Mode, Report, Retention, Total};
use crate::config;
use crate::state::now;

/// How often it is looked whether a pass is due.
const TICK: Duration = Duration::from_secs(1);

impl Retention {
    /// Makes a pass whenever one is due by the configuration of that moment. Runs until it is dropped.
    pub async fn run(&self, config: impl Fn() -> config::Retention) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut passed: Option<Instant> = None;
        loop {
            ticks.tick().await;
            let config = config();
            let every = Duration::from_secs(config.every_seconds);
            if config.rules.is_empty() || passed.is_some_and(|at| at.elapsed() < every) {
                continue;
            }
            let begun = Instant::now();
            match self.pass(&config, now(), Mode::Remove, &|_| {}).await {
                Ok(reports) => reports.iter().for_each(|report| tell(report, begun)),
                Err(error) => warn!(%error, "retention"),
            }
            histogram!("stentor_relay_retention_pass_seconds").record(begun.elapsed());
            passed = Some(Instant::now());
        }
    }
}

/// What a rule has done, for the log and the metrics.
fn tell(report: &Report, begun: Instant) {
    let rule = report.rule.clone();
    if let Some(oldest) = report.oldest_left {
        let age = now().0.saturating_sub(oldest);
        gauge!("stentor_relay_retention_oldest_seconds", "rule" => rule).set(age as f64);
    }
    if report.waiting {
        info!(
            rule = report.rule,
            "retention waits for the classes of authors"
        );
    } else if report.removed.events > 0 {
        info!(
            rule = report.rule,
            events = report.removed.events,
            bytes = report.removed.bytes,
            seconds = begun.elapsed().as_secs(),
            "retention has removed events"
        );
    }
}

/// Counts what a rule has removed.
pub(super) fn removed(rule: &str, total: Total) {
    let events = counter!("stentor_relay_retention_removed_total", "rule" => rule.to_owned());
    events.increment(total.events);
    let bytes = counter!("stentor_relay_retention_removed_bytes_total", "rule" => rule.to_owned());
    bytes.increment(total.bytes);
}
