//! The service: takes what is due, visits, judges, writes (O2.3, O5.5).
//!
//! One task owns everything here but the visits themselves. A check that is done is decided about (`jury`), waits at most
//! [`FLUSH`] for others, and is written with them in one transaction. What is being checked stays due in the records until then, so
//! that a kill loses nothing but the visit.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::attempt::Visitor;
use super::jury::Jury;
use super::queue::Queue;
use super::schedule::Schedule;
use super::telemetry;
use super::visit::{Checked, check};
use crate::alert;
use crate::error::Error;
use crate::ground::Ground;
use crate::history::{self, Entry};
use crate::signals::Topic;

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
const PACE_SECONDS: f64 = 1.0;

/// Checks relays for ever.
///
/// # Errors
/// Those of the records.
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    Service::new(ground).run().await
}

struct Service {
    ground: Arc<Ground>,
    visitor: Arc<Visitor>,
    places: Arc<Semaphore>,
    schedule: Schedule,
    jury: Jury,
    queue: Queue,
    checks: JoinSet<Checked>,
    batch: Vec<Entry>,
    /// When the oldest of the batch came.
    since: Option<Instant>,
    next_start: Instant,
}

impl Service {
    fn new(ground: Arc<Ground>) -> Self {
        let config = &ground.config.check;
        Self {
            visitor: Arc::new(Visitor {
                places: ground.places.clone(),
                ground: ground.clone(),
            }),
            places: Arc::new(Semaphore::new(config.parallel)),
            schedule: Schedule::new(Duration::from_secs(config.interval_seconds)),
            jury: Jury::new(ground.clone()),
            queue: Queue::new(config.parallel * PAUSING, &ground.config.connections),
            checks: JoinSet::new(),
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
                    Ok(checked) => {
                        self.queue.ended(checked.due.network);
                        self.jury.judge(checked).await?;
                    }
                    // Nobody knows whose check it was: with a restart, all are due again.
                    Err(error) => return Err(Error::Invalid(error.to_string())),
                },
                () = until(start) => self.start().await?,
                () = until(flush) => self.flush().await?,
                _ = look.tick() => {
                    self.jury.release_held();
                    self.fill().await?;
                }
                _ = ask.tick(), if self.jury.is_down() => self.jury.ask_again().await?,
                _ = tell.tick() => self.tell().await?,
            }
            self.keep_decided();
            if self.batch.len() >= BATCH {
                self.flush().await?;
            }
        }
    }

    /// While our own network is down, nothing is begun.
    fn may_start(&self) -> bool {
        let most = self.ground.config.check.parallel * PAUSING;
        !self.queue.is_empty() && self.checks.len() < most && !self.jury.is_down()
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
        let now_ms = self.ground.clock.now_ms();
        Ok(self.queue.fill(&self.ground.records, now_ms).await?)
    }

    /// Puts what is decided among what is to be written.
    fn keep_decided(&mut self) {
        for checked in self.jury.take() {
            let Checked {
                due,
                findings,
                attempts,
                took,
                ..
            } = checked;
            telemetry::checked(&findings, attempts, took);
            let at_ms = self.ground.clock.now_ms();
            self.batch
                .push(Entry::new(due.relay, at_ms, attempts, findings));
            self.since.get_or_insert_with(Instant::now);
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
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
        self.ground.signals.changed(Topic::Checks);
        tracing::debug!(
            checks = entries.len(),
            changed = recorded.changed,
            "checks written"
        );
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), Error> {
        let now_ms = self.ground.clock.now_ms();
        let longest_ms = self.schedule.pause_ms(u64::MAX);
        Queue::unwind(&self.ground.records, now_ms, longest_ms).await?;
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
