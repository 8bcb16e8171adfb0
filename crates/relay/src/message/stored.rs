//! The stored events of subscriptions: scans in slices, and the step from stored to live.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use stentor_event::SubscriptionId;
use stentor_event::relay_message::{self, EoseHint};
use stentor_serve::SessionIo;
use stentor_store::{Batch, ScanEnd, StoreError};
use stentor_trace::Trace;

use super::search::search_error;
use crate::answer::say;
use crate::connection::Connection;
use crate::fanout::Live;
use crate::scan::ScanTask;
use crate::state::Settings;

/// The scans of one connection, which take turns.
#[derive(Default)]
pub(crate) struct Scans {
    queue: VecDeque<ScanTask>,
}

impl Scans {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds one.
    pub(crate) fn begin(&mut self, task: ScanTask) {
        self.queue.push_back(task);
    }

    /// Ends the one for this subscription.
    pub(crate) fn end(&mut self, sub: &SubscriptionId) {
        self.queue.retain(|task| task.sub != *sub);
    }
}

/// What came of one turn of a scan.
enum Turn {
    /// It goes on at once.
    Again,
    /// It waits for the store.
    Waiting,
    /// It is over.
    Over,
}

impl Connection {
    /// Gives each scan one slice, as long as the client takes what comes of it. Others on this thread have their turn
    /// before the next slices (R8.1, R8.2).
    pub(crate) fn poll_scans(&mut self, cx: &mut Context<'_>, io: &mut SessionIo<'_>) {
        let state = Arc::clone(&self.state);
        let settings = state.settings();
        let mut again = false;
        for _ in 0..self.work().scans.queue.len() {
            if !io.has_room() {
                // The connection calls again when the client has taken some.
                return state.metrics.scans_paused();
            }
            let Some(mut task) = self.work().scans.queue.pop_front() else {
                return;
            };
            let turn = self.turn(&mut task, &settings, cx, io);
            again |= matches!(turn, Turn::Again);
            if !matches!(turn, Turn::Over) {
                self.work().scans.queue.push_back(task);
            }
        }
        if again {
            cx.waker().wake_by_ref();
        }
    }

    /// One slice of a scan.
    fn turn(
        &mut self,
        task: &mut ScanTask,
        settings: &Settings,
        cx: &mut Context<'_>,
        io: &mut SessionIo<'_>,
    ) -> Turn {
        if task.live.has_overflowed() {
            return self.give_up(
                task,
                "error: too many new events came while the stored ones were being sent",
                io,
            );
        }
        let client = Arc::clone(&self.client);
        let queries = &settings.config.queries;
        let batch = match task.poll_slice(cx, || client.viewer(&settings.rules), queries.budget()) {
            Poll::Pending => return Turn::Waiting,
            Poll::Ready(Ok(batch)) => batch,
            Poll::Ready(Err(error)) => return self.scan_failed(task, &error, settings, io),
        };
        self.charge(settings, batch.rows);
        send(&task.live, &batch, io);
        let Some(end) = batch.end else {
            return Turn::Again;
        };
        self.scanned(task, settings);
        let hint = match end {
            // What a search leaves out may be left out for its rank (R1.8).
            _ if task.live.searches() => None,
            ScanEnd::Finished => Some(EoseHint::Finish),
            ScanEnd::More => Some(EoseHint::More),
        };
        self.stored_events_end(&task.sub, &task.live, hint, &mut task.trace, io);
        Turn::Over
    }

    /// Says that the stored events are sent (NIP-67), and what came live meanwhile.
    pub(super) fn stored_events_end(
        &mut self,
        sub: &SubscriptionId,
        live: &Live,
        hint: Option<EoseHint>,
        trace: &mut Trace,
        io: &mut SessionIo<'_>,
    ) {
        trace.outcome(match hint {
            Some(EoseHint::More) => "more",
            _ => "answered",
        });
        say(io, |text| relay_message::eose(text, sub, hint));
        let prefix = live.prefix();
        let went = live.go_live(|events| {
            events
                .iter()
                .for_each(|event| io.write_parts(&[prefix, event, b"]"]))
        });
        if let Err(overflow) = went {
            self.end_subscription(sub);
            self.refuse("REQ", sub, &format!("error: {overflow}"), trace, io);
        }
    }

    /// A scan that cannot go on.
    fn scan_failed(
        &mut self,
        task: &mut ScanTask,
        error: &StoreError,
        settings: &Settings,
        io: &mut SessionIo<'_>,
    ) -> Turn {
        self.charge(settings, 0);
        self.scanned(task, settings);
        self.give_up(task, query_error(error), io)
    }

    /// Ends the subscription with CLOSED.
    fn give_up(&mut self, task: &mut ScanTask, reason: &str, io: &mut SessionIo<'_>) -> Turn {
        self.end_subscription(&task.sub);
        self.refuse("REQ", &task.sub, reason, &mut task.trace, io);
        Turn::Over
    }

    /// Counts a scan that is over, and logs it if it was slow.
    fn scanned(&self, task: &mut ScanTask, settings: &Settings) {
        let work = task.work + task.live.searched();
        self.state.metrics.scanned(work, task.rows);
        task.trace.set("stentor.work_us", work);
        task.trace.set("stentor.rows", task.rows);
        task.trace.set("stentor.events", task.sent);
        let plan = || task.scan().map(stentor_store::Scan::explain);
        let query = ("REQ", &**task.live.filters());
        self.state
            .log_if_slow(settings, query, &task.trace, work, plan);
    }
}

/// Writes a slice.
fn send(live: &Live, batch: &Batch, io: &mut SessionIo<'_>) {
    for event in &batch.events {
        io.write_parts(&[live.prefix(), &event.json, b"]"]);
    }
}

/// What the client is told of an error of the store. Details, such as paths, are for the log.
pub(super) fn query_error(error: &StoreError) -> &'static str {
    match error {
        StoreError::TooExpensive { .. } => "error: query too expensive, ask for less at a time",
        StoreError::Closed => "error: the relay is shutting down",
        StoreError::Search(error) => search_error(error),
        _ => {
            tracing::error!(%error, "a query failed");
            "error: the query failed"
        }
    }
}
