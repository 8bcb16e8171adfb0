//! The keys of the index: what an event can be found under.
//!
//! A key is 128 bits: four for the kind of index, 108 of a keyed hash, and 16 for the event's kind, so that all kinds
//! under one author or one tag value stand beside each other. The hash is SipHash under a secret of this store: nobody
//! can make values that collide, and by chance it does not happen, so an entry found under a key need not be compared
//! with the text it stands for.

use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;
use std::hash::Hasher;

use stentor_event::{EventView, Kind, PublicKey};

use crate::PartyTag;

/// The index that a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Index {
    /// All events of a kind.
    Kind = 1,
    /// An author's events, by kind.
    Author = 2,
    /// A tag's value, by kind.
    Tag = 3,
    /// Author, kind and `d` of an addressable event.
    Address = 4,
}

/// A key of the index; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u128);

const KIND_BITS: u32 = 16;

impl Key {
    /// The key of all events of a kind.
    pub fn kind(kind: Kind) -> Self {
        Self::assemble(Index::Kind, 0, kind)
    }

    fn assemble(index: Index, hash: u128, kind: Kind) -> Self {
        let hash = hash & (u128::MAX >> 20);
        Self((u128::from(index as u8) << 124) | (hash << KIND_BITS) | u128::from(kind.0))
    }

    /// The same author or tag value under another kind.
    pub fn with_kind(self, kind: Kind) -> Self {
        Self((self.0 >> KIND_BITS << KIND_BITS) | u128::from(kind.0))
    }

    /// The event kind in the key.
    pub fn kind_of(self) -> Kind {
        Kind((self.0 & 0xFFFF) as u16)
    }

    /// The number of the index.
    pub fn index(self) -> u8 {
        (self.0 >> 124) as u8
    }

    /// The upper 64 bits of the hash: uniformly distributed within an index (but for [`Index::Kind`]).
    pub fn hash_bits(self) -> u64 {
        (self.0 >> 60) as u64
    }
}

/// The keys of one event. Most have few tags.
pub type Keys = SmallVec<[Key; 12]>;

/// Makes keys with the secret of a store.
#[derive(Debug, Clone, Copy)]
pub struct KeyMaker {
    secret: (u64, u64),
}

impl KeyMaker {
    /// With this secret.
    pub fn new(secret: (u64, u64)) -> Self {
        Self { secret }
    }

    /// An author's events of a kind.
    pub fn author(&self, author: &PublicKey, kind: Kind) -> Key {
        Key::assemble(Index::Author, self.hash(2, &[&author.0]), kind)
    }

    /// What stands for a key in what is remembered of events that are gone.
    pub fn party(&self, key: &PublicKey) -> PartyTag {
        PartyTag(self.hash(5, &[&key.0]) as u64)
    }

    /// The events of a kind with this tag.
    pub fn tag(&self, letter: u8, value: &[u8], kind: Kind) -> Key {
        Key::assemble(Index::Tag, self.hash(3, &[&[letter], value]), kind)
    }

    /// The versions of an addressable event.
    pub fn address(&self, author: &PublicKey, kind: Kind, identifier: &[u8]) -> Key {
        Key::assemble(
            Index::Address,
            self.hash(4, &[&author.0, &kind.0.to_le_bytes(), identifier]),
            kind,
        )
    }

    /// All keys of an event, sorted, each once.
    pub fn keys_of(&self, event: &EventView<'_>) -> Keys {
        let kind = event.kind();
        let author = event.pubkey();
        let mut keys = Keys::new();
        keys.push(Key::kind(kind));
        keys.push(self.author(&author, kind));
        for (letter, value) in event.tags().filter_map(|tag| tag.single_letter()) {
            keys.push(self.tag(letter, &value, kind));
        }
        if kind.is_addressable() {
            keys.push(self.address(&author, kind, &event.identifier().unwrap_or_default()));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn hash(&self, domain: u8, parts: &[&[u8]]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        hasher.write_u8(domain);
        for part in parts {
            hasher.write(part);
        }
        let hash = hasher.finish128();
        (u128::from(hash.h1) << 64) | u128::from(hash.h2)
    }
}
