//! Events that are not what they seem.

use stentor_event::{Event, EventId};

use crate::dice::Dice;

/// The event with a signature that does not verify.
pub(super) fn signature(event: &Event) -> Option<Event> {
    let sig = event.sig().to_string();
    let (head, last) = sig.split_at_checked(sig.len() - 1)?;
    let other = if last == "0" { "1" } else { "0" };
    replaced(event, &sig, &format!("{head}{other}"))
}

/// The event with an id of chance.
pub(super) fn id(event: &Event, dice: &mut Dice) -> Option<Event> {
    let other = EventId(dice.bytes()).to_string();
    replaced(event, &event.id().to_string(), &other)
}

fn replaced(event: &Event, old: &str, new: &str) -> Option<Event> {
    let text = std::str::from_utf8(event.json()).ok()?;
    Event::parse(text.replacen(old, new, 1).as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};

    use super::*;

    #[test]
    fn o5_4_forged_events_are_found_out() {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let real = EventBuilder::new(Kind(1), Timestamp(5)).sign(&key);
        let forged = signature(&real).unwrap();
        assert!(forged.check_id().is_ok() && forged.verify_signature().is_err());
        let forged = id(&real, &mut Dice::new(1, 1)).unwrap();
        assert!(forged.check_id().is_err());
    }
}
