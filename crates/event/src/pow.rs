//! Proof of work (NIP-13).

use crate::keys::EventId;
use crate::view::EventView;

/// Leading zero bits of an id, at most 255.
pub fn difficulty(id: &EventId) -> u8 {
    let mut bits: u32 = 0;
    for byte in id.0 {
        bits += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    u8::try_from(bits).unwrap_or(u8::MAX)
}

/// The difficulty that the author set out to reach: the third entry of the first `nonce` tag. `None` when there is no such number.
pub fn committed_target(event: &EventView<'_>) -> Option<u32> {
    let target = event
        .tags()
        .find(|tag| tag.name().is(b"nonce"))?
        .get(2)?
        .unescape();
    std::str::from_utf8(&target).ok()?.parse().ok()
}

/// Whether an event carries the work that is asked for: the id has it, and the author set out for at least that much, so that a lower
/// target that got lucky does not count. `0` asks for nothing.
pub fn is_sufficient(event: &EventView<'_>, required: u8) -> bool {
    required == 0
        || (difficulty(&event.id()) >= required
            && committed_target(event).is_none_or(|target| target >= u32::from(required)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{EventBuilder, Kind, SecretKey, Timestamp};

    #[test]
    fn difficulty_counts_leading_zero_bits() {
        let id =
            EventId::from_hex(b"000000000e9d97a1ab09fc381030b346cdd7a142ad57e6df0b46dc9bef6c7e2d")
                .unwrap();
        assert_eq!(difficulty(&id), 36);
        assert_eq!(difficulty(&EventId([0xff; 32])), 0);
        assert_eq!(difficulty(&EventId([0; 32])), 255);
    }

    #[test]
    fn the_committed_target_counts() {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let target = |tag: &[&str]| {
            let event = EventBuilder::new(Kind(1), Timestamp(1))
                .tag(tag.iter().copied())
                .sign(&key);
            committed_target(&event.view())
        };
        assert_eq!(target(&["nonce", "7", "21"]), Some(21));
        assert_eq!(target(&["nonce", "7"]), None);
        assert_eq!(target(&["nonce", "7", "x"]), None);
        assert_eq!(target(&["e", "7", "21"]), None);
    }

    #[test]
    fn luck_does_not_replace_work() {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let mine = |target: &str, bits: u8| {
            (0..)
                .map(|nonce: u32| {
                    let tag = ["nonce".to_owned(), nonce.to_string(), target.to_owned()];
                    EventBuilder::new(Kind(1), Timestamp(1)).tag(tag).sign(&key)
                })
                .find(|event| event.difficulty() >= bits)
                .unwrap()
        };
        assert!(is_sufficient(&mine("4", 4).view(), 4));
        assert!(!is_sufficient(&mine("3", 4).view(), 4), "set out for less");
        assert!(is_sufficient(&mine("", 4).view(), 4), "no commitment");
        assert!(is_sufficient(&mine("0", 0).view(), 0));
        assert!(!is_sufficient(&mine("200", 0).view(), 200));
    }
}
