//! What the rules look at in an event, spelled out once.

use stentor_event::{Event, EventId, Kind, PublicKey, Tag, Timestamp};

/// An event in plain terms.
pub struct Facts {
    /// Its id.
    pub id: EventId,
    /// Its author.
    pub author: PublicKey,
    /// When its author says it was made.
    pub created_at: Timestamp,
    /// Its kind.
    pub kind: Kind,
    /// When it expires (NIP-40).
    pub expiration: Option<Timestamp>,
    /// Name and first value of each tag, unescaped, in order.
    tags: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// What versions of a replaceable or addressable event have in common (NIP-01).
#[derive(PartialEq, Eq)]
pub struct Coordinate {
    /// Their kind.
    pub kind: Kind,
    /// Their author.
    pub author: PublicKey,
    /// Their `d` tag; empty for replaceable events.
    pub identifier: Vec<u8>,
}

impl Facts {
    /// Reads them off an event.
    pub fn of(event: &Event) -> Self {
        let first_two = |tag: Tag<'_>| {
            (
                tag.name().unescape().into(),
                tag.get(1).map(|value| value.unescape().into()),
            )
        };
        Self {
            id: event.id(),
            author: event.pubkey(),
            created_at: event.created_at(),
            kind: event.kind(),
            expiration: event.expiration(),
            tags: event.view().tags().map(first_two).collect(),
        }
    }

    /// The first values of the tags with this name, for those that have any.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.named(name).flatten()
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.tags
            .iter()
            .filter(move |(other, _)| other == name.as_bytes())
            .map(|(_, value)| value.as_deref())
    }

    /// What it shares with its other versions, if there can be any. No `d` tag, or the first of them
    /// without a value, is an empty one (R1.4).
    pub fn coordinate(&self) -> Option<Coordinate> {
        let identifier = if self.kind.is_addressable() {
            self.named("d")
                .next()
                .flatten()
                .unwrap_or_default()
                .to_vec()
        } else if self.kind.is_replaceable() {
            Vec::new()
        } else {
            return None;
        };
        Some(Coordinate {
            kind: self.kind,
            author: self.author,
            identifier,
        })
    }

    /// Whether it is a stored gift wrap (NIP-59) with a `p` tag for this key.
    pub fn wraps_for(&self, key: PublicKey) -> bool {
        self.kind == Kind::GIFT_WRAP
            && self
                .values("p")
                .any(|value| PublicKey::from_hex(value) == Some(key))
    }

    /// Whether it has expired at this time.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expiration.is_some_and(|expiration| expiration <= now)
    }
}
