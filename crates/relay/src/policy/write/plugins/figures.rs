//! What is counted of a plugin.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::Failure;
use super::answer::Action;

/// Handles of one plugin's metrics.
#[derive(Clone)]
pub(super) struct Figures {
    plugin: String,
    asked: Counter,
    accepted: Counter,
    rejected: Counter,
    shadowed: Counter,
    late: Counter,
    noise: Counter,
    seconds: Histogram,
    waiting: Gauge,
    running: Gauge,
}

/// Why a process was ended, or that it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It could not be started.
    Start,
    /// It ended, or closed its output.
    Ended,
    /// It answered nothing for too long.
    Stuck,
    /// It wrote much without an answer.
    Nonsense,
    /// It wrote a line that was too long.
    TooLong,
    /// One of its files changed.
    Changed,
}

impl Cause {
    /// The word in metrics and logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Ended => "ended",
            Self::Stuck => "stuck",
            Self::Nonsense => "nonsense",
            Self::TooLong => "too_long",
            Self::Changed => "changed",
        }
    }
}

impl Figures {
    /// Looks them up in the installed recorder.
    pub(super) fn new(plugin: &str) -> Self {
        let name = || plugin.to_owned();
        let answers = |action: &'static str| counter!("stentor_relay_plugin_answers_total", "plugin" => name(), "action" => action);
        let lines = |what: &'static str| counter!("stentor_relay_plugin_idle_lines_total", "plugin" => name(), "what" => what);
        Self {
            asked: counter!("stentor_relay_plugin_requests_total", "plugin" => name()),
            accepted: answers("accept"),
            rejected: answers("reject"),
            shadowed: answers("shadowReject"),
            late: lines("late"),
            noise: lines("noise"),
            seconds: histogram!("stentor_relay_plugin_seconds", "plugin" => name()),
            waiting: gauge!("stentor_relay_plugin_waiting", "plugin" => name()),
            running: gauge!("stentor_relay_plugin_running", "plugin" => name()),
            plugin: plugin.to_owned(),
        }
    }

    /// A question has been put.
    pub(super) fn asked(&self) {
        self.asked.increment(1);
    }

    /// One more waits for an answer.
    pub(super) fn waits(&self) {
        self.waiting.increment(1.0);
    }

    /// One waits no longer.
    pub(super) fn waits_no_more(&self) {
        self.waiting.decrement(1.0);
    }

    /// A question has been answered after this time.
    pub(super) fn answered(&self, action: &Action, took: Duration) {
        match action {
            Action::Accept => self.accepted.increment(1),
            Action::Reject(_) => self.rejected.increment(1),
            Action::ShadowReject => self.shadowed.increment(1),
        }
        self.seconds.record(took.as_secs_f64());
    }

    /// A question has got no answer.
    pub(super) fn failed(&self, failure: Failure) {
        let (plugin, cause) = (self.plugin.clone(), failure.as_str());
        counter!("stentor_relay_plugin_failures_total", "plugin" => plugin, "cause" => cause)
            .increment(1);
    }

    /// An answer came too late.
    pub(super) fn late(&self) {
        self.late.increment(1);
    }

    /// A line was no answer.
    pub(super) fn noise(&self) {
        self.noise.increment(1);
    }

    /// A process runs, or no longer does.
    pub(super) fn runs(&self, runs: bool) {
        if runs {
            self.running.increment(1.0);
        } else {
            self.running.decrement(1.0);
        }
    }

    /// A process is to be started again.
    pub(super) fn restart(&self, cause: Cause) {
        let (plugin, cause) = (self.plugin.clone(), cause.as_str());
        counter!("stentor_relay_plugin_restarts_total", "plugin" => plugin, "cause" => cause)
            .increment(1);
    }
}
