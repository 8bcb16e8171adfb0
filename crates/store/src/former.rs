//! What the change feed remembers of an event that is gone, so that those who knew of it can be told, and nobody else.
//!
//! Keys stand there as [`PartyTag`]s: whoever has a key can ask whether it is meant, and nobody can read the key out of it.

use smallvec::SmallVec;
use stentor_event::{Event, EventId, Kind, PublicKey, Viewer, VisibilityRules};

/// Most recipients of an event that are remembered.
const MOST_RECIPIENTS: usize = 8;

/// Stands for a public key within one store: a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyTag(pub u64);

/// What is remembered of an event that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Its id.
    pub id: EventId,
    /// Its kind.
    pub kind: Kind,
    /// Its author.
    pub author: PartyTag,
    /// The keys in its `p` tags, for kinds that are private by default; the first eight.
    pub recipients: SmallVec<[PartyTag; 1]>,
}

impl Former {
    /// What is to be remembered of this event.
    pub(crate) fn of(event: &Event, tag: impl Fn(&PublicKey) -> PartyTag) -> Self {
        let kind = event.kind();
        let recipients = if VisibilityRules::default().is_private(kind) {
            let view = event.view();
            let keys = view.tagged_keys().take(MOST_RECIPIENTS);
            keys.map(|key| tag(&key)).collect()
        } else {
            SmallVec::new()
        };
        Self {
            id: event.id(),
            kind,
            author: tag(&event.pubkey()),
            recipients,
        }
    }

    /// Whether the viewer may be told that the event is gone: the operator; anybody, if everybody may see the kind; else a
    /// party, if the kind is private. That something left a group nobody else is told: which one is not remembered.
    pub fn visible(&self, viewer: &Viewer, tag: impl Fn(&PublicKey) -> PartyTag) -> bool {
        let rules = &viewer.rules;
        if viewer.is_operator() || rules.is_open(self.kind) {
            return true;
        }
        let is_party = |tag: PartyTag| tag == self.author || self.recipients.contains(&tag);
        !rules.is_group(self.kind) && viewer.keys.iter().any(|key| is_party(tag(key)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stentor_event::{EventBuilder, SecretKey, Timestamp};

    use super::*;

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes([number; 32]).unwrap()
    }

    fn tag(key: &PublicKey) -> PartyTag {
        PartyTag(u64::from_be_bytes(*key.0.first_chunk().unwrap()))
    }

    fn former(kind: u16, author: u8, recipient: u8) -> Former {
        let recipient = key(recipient).public_key().to_string();
        let event = EventBuilder::new(Kind(kind), Timestamp(1))
            .tag(["p", &recipient])
            .sign(&key(author));
        Former::of(&event, tag)
    }

    fn viewer(numbers: &[u8]) -> Viewer {
        let keys = numbers.iter().map(|number| key(*number).public_key());
        Viewer::with_keys(Arc::default(), keys.collect())
    }

    #[test]
    fn r2_1_who_is_told_that_an_event_is_gone() {
        let seen = |former: &Former, numbers: &[u8]| former.visible(&viewer(numbers), tag);
        let open = former(1, 1, 2);
        assert!(seen(&open, &[]) && open.recipients.is_empty());
        let message = former(4, 1, 2);
        assert!(seen(&message, &[1]) && seen(&message, &[3, 2]));
        assert!(!seen(&message, &[]) && !seen(&message, &[3]));
        let group = former(445, 1, 2);
        assert!(!seen(&group, &[1]) && group.visible(&Viewer::operator(), tag));
    }
}
