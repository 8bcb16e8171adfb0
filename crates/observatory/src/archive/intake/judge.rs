//! What speaks against an event that is neither known nor forged. Pure. The size and the number of tags were limited when it was read.

use stentor_event::Event;
use stentor_store::{Outcome, Refusal};

/// Why an event is not taken, before the store is asked; a word for metrics.
pub(crate) fn fault(event: &Event, latest: u64) -> Option<&'static str> {
    if event.kind().is_ephemeral() {
        return Some("ephemeral");
    }
    (event.created_at().0 > latest).then_some("future")
}

/// Whether that will be so whenever it comes.
pub(super) fn is_lasting(fault: &str) -> bool {
    fault == "ephemeral"
}

/// Why the store has not taken an event: a word for metrics, and whether it will not whoever sends it. `None` when it has, or could not
/// say.
pub(crate) const fn refusal(outcome: &Outcome) -> Option<(&'static str, bool)> {
    Some(match outcome {
        Outcome::Stored(_) | Outcome::Duplicate => return None,
        Outcome::Ephemeral => ("ephemeral", true),
        Outcome::Refused(refusal) => match refusal {
            Refusal::Superseded => ("superseded", true),
            Refusal::Deleted => ("deleted", true),
            Refusal::Vanished => ("vanished", true),
            Refusal::Expired => ("expired", true),
            Refusal::Banned => ("banned", true),
            Refusal::NeverStored => ("never_stored", true),
            // Another relay may have it with the right one.
            Refusal::BadSignature => ("signature", false),
            Refusal::Unavailable(_) => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, Kind, Timestamp};

    use super::*;

    #[test]
    fn o3_4_time_and_kind_are_judged() {
        let event =
            |kind, at| EventBuilder::new(Kind(kind), Timestamp(at)).sign(&crate::testing::key(3));
        assert_eq!(fault(&event(1, 100), 100), None);
        assert_eq!(fault(&event(1, 101), 100), Some("future"));
        assert_eq!(fault(&event(20_001, 5), 100), Some("ephemeral"));
        assert!(is_lasting("ephemeral") && !is_lasting("future"));
    }

    #[test]
    fn o3_4_a_bad_signature_is_not_held_against_the_event() {
        let forged = Outcome::Refused(Refusal::BadSignature);
        assert_eq!(refusal(&forged), Some(("signature", false)));
        assert_eq!(refusal(&Outcome::Duplicate), None);
    }
}
