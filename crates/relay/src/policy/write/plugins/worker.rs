//! The task that has one process of a plugin: it starts it, passes questions and answers, and starts it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};

use super::Failure;
use super::desk::Ticket;
use super::dispatch::{Dispatch, Heard};
use super::errors::{Allowance, printable};
use super::figures::{Cause, Figures};
use super::process::Process;
use super::restarts::Restarts;
use crate::config::Plugin;

/// Lines without an answer that are logged in a second.
const NOISE_LOGGED: u32 = 5;
/// How long the last answers of a process are waited for that takes no more questions.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

/// The task's own.
pub(super) struct Worker {
    plugin: Arc<Plugin>,
    inbox: mpsc::Receiver<Ticket>,
    /// Nobody will ask any more.
    closed: bool,
    stop: watch::Receiver<bool>,
    changes: watch::Receiver<()>,
    dispatch: Dispatch<Ticket>,
    restarts: Restarts,
    noise: Allowance,
    figures: Arc<Figures>,
}

impl Worker {
    /// For the questions that come to this inbox, until it is told to stop; its files change at `changes`.
    pub(super) fn new(
        plugin: Arc<Plugin>,
        inbox: mpsc::Receiver<Ticket>,
        (stop, changes): (watch::Receiver<bool>, watch::Receiver<()>),
        figures: Arc<Figures>,
    ) -> Self {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        Self {
            inbox,
            closed: false,
            stop,
            changes,
            dispatch: Dispatch::new(plugin.in_flight, ms(plugin.timeout_ms), now),
            restarts: Restarts::new(ms(plugin.restart_ms), ms(plugin.restart_most_ms)),
            noise: Allowance::new(NOISE_LOGGED, now),
            figures,
            plugin,
        }
    }

    /// Runs until it is to stop, or until nobody can ask any more, and all have been answered.
    pub(super) async fn run(mut self) {
        while !self.is_done() {
            self.changes.mark_unchanged();
            match Process::start(&self.plugin) {
                Ok(process) => self.serve(process).await,
                Err(error) => {
                    tracing::error!(plugin = self.plugin.name, %error, "the plugin cannot be started");
                    self.pause(Cause::Start, Duration::ZERO).await;
                }
            }
        }
    }

    /// Whether it is to stop, or nobody can ask any more, and all have been answered.
    fn is_done(&self) -> bool {
        let over = self.closed || self.inbox.is_closed() || *self.stop.borrow();
        over && self.inbox.is_empty() && self.dispatch.is_empty()
    }

    /// Asks a process until it has to be ended, ends it, and waits as long as the next one has to.
    async fn serve(&mut self, mut process: Process) {
        self.dispatch.set_up();
        tracing::info!(plugin = self.plugin.name, "the plugin runs");
        self.figures.runs(true);
        let cause = self.attend(&mut process).await;
        self.figures.runs(false);
        let ran = process.started.elapsed();
        let fault = !matches!(cause, None | Some(Cause::Changed));
        let failed = self.dispatch.ended(fault);
        self.fail(failed, Failure::Ended);
        let status = self.meanwhile(process.end(fault)).await;
        let Some(cause) = cause else {
            tracing::info!(plugin = self.plugin.name, status, "the plugin has ended");
            return;
        };
        if cause == Cause::Changed {
            tracing::info!(
                plugin = self.plugin.name,
                "its files have changed: starting again"
            );
            self.figures.restart(cause);
            self.restarts.forget();
            return;
        }
        tracing::warn!(
            plugin = self.plugin.name,
            cause = cause.as_str(),
            status,
            "the plugin has failed"
        );
        self.pause(cause, ran).await;
    }

    /// Waits before the next start; not when a file changes meanwhile, or when it is to stop.
    async fn pause(&mut self, cause: Cause, ran: Duration) {
        self.figures.restart(cause);
        let pause = self.restarts.pause(ran);
        let until = Instant::now() + pause;
        let failed = self.dispatch.set_down(until);
        self.fail(failed, Failure::Down);
        let (mut changes, mut stop) = (self.changes.clone(), self.stop.clone());
        let over = async {
            tokio::select! {
                () = sleep_until(until.into()) => false,
                Ok(()) = changes.changed() => true,
                _ = stop.wait_for(|stop| *stop) => false,
            }
        };
        if self.meanwhile(over).await {
            self.restarts.forget();
        }
    }

    /// Takes questions until something is done.
    async fn meanwhile<F: Future>(&mut self, what: F) -> F::Output {
        let mut what = std::pin::pin!(what);
        loop {
            let deadline = self.dispatch.deadline();
            tokio::select! {
                output = &mut what => return output,
                ticket = self.inbox.recv(), if !self.closed => self.take(ticket),
                () = at(deadline), if deadline.is_some() => {
                    self.expire();
                }
            }
        }
    }

    /// Passes questions and answers. Gives the reason why the process is to be ended; `None`: it is not needed any more.
    async fn attend(&mut self, process: &mut Process) -> Option<Cause> {
        while !self.is_done() {
            self.prepare(process);
            let deadline = self.dispatch.deadline();
            tokio::select! {
                ticket = self.inbox.recv(), if !self.closed => self.take(ticket),
                more = process.answers.read() => {
                    let cause = self.hear(process);
                    if cause.is_some() {
                        return cause;
                    }
                    if !more.unwrap_or(false) {
                        return Some(Cause::Ended);
                    }
                }
                written = process.questions.write(), if process.questions.is_pending() => {
                    if written.is_err() {
                        self.hear_out(process).await;
                        return Some(Cause::Ended);
                    }
                }
                () = at(deadline), if deadline.is_some() => {
                    if self.expire() {
                        return Some(Cause::Stuck);
                    }
                }
                Ok(()) = self.stop.changed() => {}
                Ok(()) = self.changes.changed() => return Some(Cause::Changed),
            }
        }
        None
    }

    /// Reads the last answers of a process that takes no more questions.
    async fn hear_out(&mut self, process: &mut Process) {
        let reading = async {
            while process.answers.read().await.unwrap_or(false) {
                self.hear(process);
            }
        };
        let _ = timeout(LAST_ANSWERS, reading).await;
    }

    /// Takes a question, and those that have come with it.
    fn take(&mut self, ticket: Option<Ticket>) {
        let Some(ticket) = ticket else {
            self.closed = true;
            return;
        };
        let mut next = Some(ticket);
        while let Some(ticket) = next {
            let (id, came) = (ticket.question.event.id(), ticket.came);
            if let Err(ticket) = self.dispatch.add(id, ticket, came) {
                self.fail(vec![ticket], Failure::Down);
            }
            next = self.inbox.try_recv().ok();
        }
    }

    /// Prepares the questions that may be sent.
    fn prepare(&mut self, process: &mut Process) {
        while let Some(space) = process.questions.space() {
            let now = Instant::now();
            match self.dispatch.next(now, Ticket::is_abandoned) {
                Some(ticket) => ticket.question.write(space),
                None => return,
            }
        }
    }

    /// Takes the lines that have been read; gives the reason if the process is to be ended for them.
    fn hear(&mut self, process: &mut Process) -> Option<Cause> {
        while let Some(line) = process.answers.next() {
            if line.cut {
                return Some(Cause::TooLong);
            }
            if line.text.trim_ascii().is_empty() {
                continue;
            }
            match self.dispatch.hear(&line.text, Instant::now()) {
                Heard::Answered(ticket, action) => ticket.answer(action),
                Heard::Puzzled(ticket) => self.fail(vec![ticket], Failure::Nonsense),
                Heard::Late => self.figures.late(),
                Heard::Noise => {
                    self.figures.noise();
                    if self.noise.take(Instant::now()).is_some() {
                        let line = printable(&line.text);
                        tracing::warn!(plugin = self.plugin.name, line, "this is no answer");
                    }
                }
            }
            if self.dispatch.is_nonsense() {
                return Some(Cause::Nonsense);
            }
        }
        None
    }

    /// Fails those whose time is up; tells whether the process is stuck.
    fn expire(&mut self) -> bool {
        let expired = self.dispatch.expire(Instant::now());
        self.fail(expired.items, Failure::TimedOut);
        expired.stuck
    }

    fn fail(&self, tickets: Vec<Ticket>, failure: Failure) {
        for ticket in tickets {
            ticket.fail(failure);
        }
    }
}

/// Waits for a time; for ever when there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
