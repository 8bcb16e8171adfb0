//! What the client is told of an event.

use std::borrow::Cow;

use stentor_store::{Outcome, Refusal};

use crate::metrics::EventOutcome;

/// What is said when the store cannot write.
const UNAVAILABLE: &str = "error: the relay cannot store events now";

/// What the client is told of an event, with the prefix of NIP-01. `None`: the store failed.
pub(super) fn answer_to(outcome: Option<Outcome>) -> (bool, EventOutcome, Cow<'static, str>) {
    let refusal = match outcome {
        None => {
            return (false, EventOutcome::Failed, UNAVAILABLE.into());
        }
        Some(Outcome::Stored(_)) => return (true, EventOutcome::Stored, "".into()),
        Some(Outcome::Ephemeral) => return (true, EventOutcome::Ephemeral, "".into()),
        Some(Outcome::Duplicate) => {
            return (
                true,
                EventOutcome::Duplicate,
                "duplicate: already have this event".into(),
            );
        }
        Some(Outcome::Refused(refusal)) => refusal,
    };
    let (prefix, outcome) = match refusal {
        Refusal::Superseded => ("duplicate", EventOutcome::Superseded),
        Refusal::Deleted | Refusal::Vanished => ("blocked", EventOutcome::Deleted),
        Refusal::Banned => ("blocked", EventOutcome::Refused),
        Refusal::Expired | Refusal::BadSignature | Refusal::NeverStored => {
            ("invalid", EventOutcome::Invalid)
        }
        // Why the store cannot write is the operator's to know.
        Refusal::Unavailable(_) => return (false, EventOutcome::Failed, UNAVAILABLE.into()),
    };
    (false, outcome, format!("{prefix}: {refusal}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_3_every_outcome_has_its_answer() {
        let told = |outcome| {
            let (accepted, _, reason) = answer_to(outcome);
            (accepted, reason.into_owned())
        };
        let refused = |refusal| told(Some(Outcome::Refused(refusal))).1;
        assert_eq!(told(Some(Outcome::Ephemeral)), (true, String::new()));
        assert_eq!(
            told(Some(Outcome::Duplicate)),
            (true, "duplicate: already have this event".into())
        );
        assert_eq!(
            refused(Refusal::Superseded),
            "duplicate: a newer version is stored"
        );
        assert!(refused(Refusal::Deleted).starts_with("blocked: "));
        assert!(refused(Refusal::Vanished).starts_with("blocked: "));
        assert!(refused(Refusal::Banned).starts_with("blocked: "));
        assert!(refused(Refusal::Expired).starts_with("invalid: "));
        assert!(refused(Refusal::BadSignature).starts_with("invalid: "));
        assert!(refused(Refusal::NeverStored).starts_with("invalid: "));
        let unavailable = refused(Refusal::Unavailable("/data/log is full".into()));
        assert_eq!(unavailable, UNAVAILABLE, "no paths");
        assert!(!told(None).0 && told(None).1.starts_with("error: "));
    }
}
