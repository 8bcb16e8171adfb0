//! Reposts that embed a protected event (NIP-70, R1.12).

use crate::kind::Kind;
use crate::parse::mentions;
use crate::view::EventView;

/// Whether this is a repost (kind 6 or 16) whose content holds a protected event. The embedded event need not be valid for that: who
/// reads the repost may be less strict.
pub fn embeds_protected(event: &EventView<'_>) -> bool {
    matches!(event.kind(), Kind::REPOST | Kind::GENERIC_REPOST) && mentions(&event.content(), b"-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventBuilder, SecretKey, Timestamp};

    fn repost(kind: u16, content: &str) -> bool {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        embeds_protected(
            &EventBuilder::new(Kind(kind), Timestamp(1))
                .content(content)
                .sign(&key)
                .view(),
        )
    }

    #[test]
    fn r1_12_reposts_of_protected_events_are_recognised() {
        let key = SecretKey::from_bytes([4; 32]).unwrap();
        let json = |tag: &str| {
            let event = EventBuilder::new(Kind(1), Timestamp(1))
                .tag(["e", "-"])
                .tag([tag])
                .sign(&key);
            String::from_utf8(event.json().to_vec()).unwrap()
        };
        assert!(repost(6, &json("-")) && repost(16, &json("-")));
        assert!(!repost(1, &json("-")), "not a repost");
        assert!(!repost(6, &json("x")) && !repost(6, "") && !repost(6, "see [\"-\"]"));
        assert!(
            repost(
                6,
                r#" {"kind":"?", "tags": [ ["\u002d"] ], "content":null}"#
            ),
            "not valid, but readable"
        );
    }
}
