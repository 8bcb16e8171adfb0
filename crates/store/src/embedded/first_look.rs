//! The first look at an event: what speaks against it, found out by the submitter's thread before the signature is verified,
//! so that nothing worthless is verified and the committer has less to do.
//!
//! The commit decides again, because the store may have changed: what spoke against an event may have left, and other
//! events have come. Where the look found nothing, only what has come since can matter.

use stentor_event::{Event, Kind, Timestamp};

use super::batch::Verdict;
use super::decide::{Decision, decide};
use super::facts::Facts;
use super::key::Keys;
use crate::{Outcome, Submission};

/// What the committer is told.
#[derive(Debug, Clone)]
pub struct FirstLook {
    /// What is known of the signature.
    pub verdict: Verdict,
    /// No stored event below this number speaks against the event or leaves because of it. 0: nothing is known.
    pub clear_below: u64,
    /// What the event will be found under, if it is likely to be stored.
    pub keys: Option<Keys>,
}

/// Looks at an event. The outcome: that of an event that has to be verified, and speaks against verifying it.
pub fn first_look(
    facts: &Facts<'_>,
    submission: &Submission,
    now: Timestamp,
) -> (FirstLook, Option<Outcome>) {
    let event = &submission.event;
    let decision = decide(event, facts, now, false);
    let refused = match &decision {
        Decision::Done(outcome) if *outcome != Outcome::Ephemeral => Some(outcome.clone()),
        _ => None,
    };
    let decided = refused.filter(|_| !submission.verified);
    let look = FirstLook {
        verdict: if decided.is_some() {
            Verdict::Unknown
        } else {
            Verdict::Right
        },
        clear_below: if is_clear(event, &decision) {
            facts.snapshot.state.end.next_number
        } else {
            0
        },
        keys: matches!(decision, Decision::Store(_))
            .then(|| facts.core.keys.keys_of(&event.view())),
    };
    (look, decided)
}

/// Whether nothing that is stored matters to the event. What requests for deletion and to vanish remove was not looked for.
fn is_clear(event: &Event, decision: &Decision) -> bool {
    match decision {
        Decision::Done(outcome) => *outcome == Outcome::Ephemeral,
        Decision::Store(leaving) => {
            leaving.is_empty() && !matches!(event.kind(), Kind::DELETION | Kind::VANISH)
        }
    }
}
