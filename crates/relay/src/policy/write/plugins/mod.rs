//! Rule `plugins`: programs of the operator's decide, by strfry's protocol (R4.3).
//!
//! A question is one line of JSON ([`question`]), an answer another ([`answer`], [`lines`]). The [`desk`] takes questions
//! and bounds how many wait; a [`worker`] has one process ([`process`]) and passes on what the state machine [`dispatch`]
//! says. A process is started again when it fails ([`restarts`]) or when one of its files changes ([`files`]); what it
//! writes to its standard error is logged ([`errors`]).
//!
//! As strfry does, lines that are no answers are borne, up to a number, and a process that does not answer within the
//! time limit is ended. Other than strfry, many questions are out at once.

mod answer;
mod desk;
mod dispatch;
mod errors;
mod figures;
mod files;
mod lines;
mod process;
mod question;
mod restarts;
mod worker;

use std::sync::Arc;

use stentor_event::Kind;
use stentor_store::BoxFuture;

use super::super::{Rejection, Verdict};
use super::{Asked, WriteRule, Writing};
use crate::config::{OnFailure, Plugin, SourceType};
use crate::metrics::EventOutcome;
use answer::Action;
use desk::Desk;
use question::Question;

/// What comes of a question.
type Outcome = Result<Action, Failure>;

/// Why there is no answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// Too many questions wait already.
    Full,
    /// The time was up.
    TimedOut,
    /// The answer said nothing that the protocol knows.
    Nonsense,
    /// The process ended, twice, while it had the question.
    Ended,
    /// No process would run before the time was up.
    Down,
}

impl Failure {
    /// The word in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TimedOut => "timeout",
            Self::Nonsense => "nonsense",
            Self::Ended => "ended",
            Self::Down => "down",
        }
    }
}

struct Plugins {
    config: Plugin,
    desk: Arc<Desk>,
}

/// The rule for a plugin. Where a runtime is, its processes are started, so that they are ready for the first event.
pub(super) fn rule(config: &Plugin) -> Arc<dyn WriteRule> {
    let desk = Arc::new(Desk::new(config));
    if tokio::runtime::Handle::try_current().is_ok() {
        desk.start();
    }
    Arc::new(Plugins {
        config: config.clone(),
        desk,
    })
}

impl Plugins {
    /// Whether it is asked about a kind of event from somewhere.
    fn concerns(&self, kind: Kind, source: impl Fn(SourceType) -> bool) -> bool {
        let Plugin {
            kinds,
            source_types,
            ..
        } = &self.config;
        (kinds.is_empty() || kinds.contains(kind)) && source_types.iter().any(|own| source(*own))
    }
}

impl WriteRule for Plugins {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        if self.concerns(writing.event.kind(), SourceType::is_client) {
            Verdict::Ask
        } else {
            Verdict::Pass
        }
    }

    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let source = asked.source.kind();
        if !self.concerns(asked.event.kind(), |own| own == source) {
            return Box::pin(std::future::ready(Verdict::Pass));
        }
        let (desk, on_failure) = (Arc::clone(&self.desk), self.config.on_failure);
        let question = Question::from(asked);
        Box::pin(async move { verdict(desk.ask(question).await, on_failure) })
    }

    fn end(&self) -> BoxFuture<'static, ()> {
        let desk = Arc::clone(&self.desk);
        Box::pin(async move { desk.end().await })
    }
}

/// What becomes of an event.
fn verdict(outcome: Outcome, on_failure: OnFailure) -> Verdict {
    match outcome {
        Ok(Action::Accept) => Verdict::Pass,
        Ok(Action::ShadowReject) => Verdict::Shadow,
        Ok(Action::Reject(message)) => {
            let reason = answer::reason(&message);
            let outcome = match reason.split_once(':').map(|(prefix, _)| prefix) {
                Some("invalid") => EventOutcome::Invalid,
                Some("rate-limited") => EventOutcome::RateLimited,
                _ => EventOutcome::Refused,
            };
            Verdict::Refuse(Rejection::new(outcome, reason))
        }
        Err(_) if on_failure == OnFailure::Accept => Verdict::Pass,
        Err(_) => Verdict::Refuse(Rejection::new(
            EventOutcome::Failed,
            "error: the relay cannot decide about this event now, try again",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_what_comes_of_an_answer() {
        let of = |outcome| verdict(outcome, OnFailure::Refuse);
        assert_eq!(of(Ok(Action::Accept)), Verdict::Pass);
        assert_eq!(of(Ok(Action::ShadowReject)), Verdict::Shadow);
        for (message, told, outcome) in [
            ("spam", "blocked: spam", EventOutcome::Refused),
            ("invalid: no", "invalid: no", EventOutcome::Invalid),
            (
                "rate-limited: no",
                "rate-limited: no",
                EventOutcome::RateLimited,
            ),
        ] {
            let expected = Verdict::Refuse(Rejection::new(outcome, told));
            assert_eq!(of(Ok(Action::Reject(message.into()))), expected);
        }
    }

    #[test]
    fn r4_3_the_operator_chooses_what_a_failure_means() {
        let failed = Err(Failure::TimedOut);
        assert_eq!(verdict(failed.clone(), OnFailure::Accept), Verdict::Pass);
        let Verdict::Refuse(rejection) = verdict(failed, OnFailure::Refuse) else {
            panic!("taken");
        };
        assert!(rejection.reason.starts_with("error: "));
        assert_eq!(rejection.outcome, EventOutcome::Failed);
    }
}
