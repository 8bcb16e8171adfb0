//! Window after window: which is next, how it is asked for, and what then.

use stentor_peer::Window;

use super::{Filtered, Turn};
use crate::archive::by_comparison::{Outcome, by_comparison};
use crate::archive::by_req::{Done, by_req};
use crate::archive::coverage::{Method, reason};
use crate::archive::intake::Taken;
use crate::archive::metrics;
use crate::archive::plan::{self, Span};
use crate::error::Error;

/// Comparisons that may be left off in one turn before it goes on by REQ.
const LEFT_OFF: u32 = 3;

impl Turn {
    /// Asks for what is left of a filter; whether nothing is.
    pub(super) async fn windows(&mut self, task: &mut Filtered) -> Result<bool, Error> {
        if self.reconciles {
            task.span = Span::whole();
        }
        let mut fresh = plan::overlap(&task.known, task.range);
        while !self.visit.is_late() && self.why.is_none() {
            let seconds = task.span.seconds();
            let first = fresh.take().map(|window| plan::tail(window, seconds));
            let gap = first.or_else(|| plan::next_gap(&task.known, task.range, seconds));
            let retry = || plan::next_retry(&task.known, task.range, seconds, self.begun_ms);
            let Some(window) = gap.or_else(retry) else {
                return Ok(true);
            };
            self.window(task, window).await?;
        }
        Ok(self.why.is_some())
    }

    /// A slice of the past once more, by all filters.
    pub(super) async fn second_look(&mut self, tasks: &mut [Filtered]) -> Result<(), Error> {
        let hours = self.visit.ground().config.archive.second_look_hours;
        let ranges = tasks.iter().map(|task| task.range);
        let (Some(last), Some(range)) = (self.standing.last_ms, ranges.reduce(plan::hull)) else {
            return Ok(());
        };
        let passed = self.begun_ms.saturating_sub(last);
        let from = self.standing.second_look_from;
        let mut left = plan::second_look(range, from, passed, hours);
        while let Some(part) = left.filter(|_| !self.visit.is_late() && self.why.is_none()) {
            let seconds = tasks.iter().map(|task| task.span.seconds()).min();
            let window = plan::tail(part, seconds.unwrap_or(u64::MAX));
            let mut settled = true;
            for task in tasks.iter_mut() {
                if let Some(window) = plan::within(window, task.range) {
                    settled &= self.window(task, window).await?;
                }
            }
            if settled {
                let before = window.since.checked_sub(1);
                left = before.and_then(|until| part.down_from(until));
                self.standing.second_look_from = before;
            }
        }
        Ok(())
    }

    /// Asks for one window and writes down what came of it; whether anything did.
    async fn window(&mut self, task: &mut Filtered, window: Window) -> Result<bool, Error> {
        let mut taken = Taken::default();
        let done = self.ask(&mut taken, task, window).await?;
        taken.add(self.visit.taken());
        let Some(done) = done else {
            // Nothing is known of the window, but what came has come.
            self.settle(None, taken).await?;
            return Ok(false);
        };
        if self.manner.deaf {
            // Each window brings everything: one is enough.
            task.span = Span::whole();
        } else if done.method != Method::Negentropy {
            task.span
                .had(window, taken.new + taken.duplicates + taken.rejected);
        }
        self.note(&mut task.known, task.range, &done, &taken);
        metrics::window(done.method.as_str());
        self.settle(Some((task.id, task.known.change())), taken)
            .await?;
        Ok(true)
    }

    /// `None`: nothing is known; the next window will be another, or the turn is over.
    async fn ask(
        &mut self,
        taken: &mut Taken,
        task: &mut Filtered,
        window: Window,
    ) -> Result<Option<Done>, Error> {
        let (filter, span) = (&task.filter, &mut task.span);
        // The window before may have cost the connection.
        if !self.mend().await {
            return Ok(None);
        }
        if !self.reconciles {
            return Ok(Some(
                by_req(&mut self.visit, &mut self.manner, window, filter).await?,
            ));
        }
        let proven = self.standing.method == Some(Method::Negentropy);
        let intake = self.work.intake.clone();
        let outcome =
            by_comparison(&mut self.visit, &intake, taken, window, filter, proven).await?;
        match outcome {
            Outcome::Done(done) => {
                self.standing.method = Some(Method::Negentropy);
                span.compared();
                return Ok(Some(done));
            }
            Outcome::TooLarge if span.too_large(window) => return Ok(None),
            Outcome::TooLarge => {
                let done = by_req(&mut self.visit, &mut self.manner, window, filter).await?;
                return Ok(Some(done));
            }
            Outcome::NotThis(why) => {
                tracing::debug!(relay = self.visit.peer.url(), why, "by REQ from now on");
                self.standing.negentropy_refused_ms = Some(self.begun_ms);
                self.reconciles = false;
            }
            Outcome::LeftOff => {
                self.left_off += 1;
                self.reconciles = self.left_off < LEFT_OFF;
            }
        }
        if !self.reconciles {
            *span = Span::first();
        }
        Ok(None)
    }

    /// Makes the connection anew if it has ended; whether there is one.
    async fn mend(&mut self) -> bool {
        match self.visit.mend().await {
            Ok(anew) => self.manner.ended &= !anew,
            Err(error) => {
                self.why = Some(reason("no connection", &error.to_string()).to_string());
            }
        }
        self.why.is_none()
    }
}
