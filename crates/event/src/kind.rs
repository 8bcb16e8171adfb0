//! Event kinds and the classes NIP-01 sorts them into.

use std::fmt;

/// The kind of an event, 0 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u16);

/// How a relay keeps events of a kind (NIP-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KindClass {
    /// Every event is kept.
    Regular,
    /// The newest event of each author and kind is kept.
    Replaceable,
    /// Passed on to subscribers, never stored.
    Ephemeral,
    /// The newest event of each author, kind and `d` tag is kept.
    Addressable,
}

impl Kind {
    /// User metadata (NIP-01).
    pub const METADATA: Self = Self(0);
    /// Short text note (NIP-10).
    pub const NOTE: Self = Self(1);
    /// Follow list (NIP-02).
    pub const FOLLOWS: Self = Self(3);
    /// Legacy direct message (NIP-04).
    pub const DIRECT_MESSAGE: Self = Self(4);
    /// Deletion request (NIP-09).
    pub const DELETION: Self = Self(5);
    /// Repost of a kind 1 (NIP-18).
    pub const REPOST: Self = Self(6);
    /// Reaction (NIP-25).
    pub const REACTION: Self = Self(7);
    /// Repost of any other kind (NIP-18).
    pub const GENERIC_REPOST: Self = Self(16);
    /// Request to vanish (NIP-62).
    pub const VANISH: Self = Self(62);
    /// Group message of MLS over Nostr.
    pub const GROUP_MESSAGE: Self = Self(445);
    /// Gift wrap (NIP-59).
    pub const GIFT_WRAP: Self = Self(1059);
    /// Relay list (NIP-65).
    pub const RELAY_LIST: Self = Self(10002);
    /// Ephemeral gift wrap (NIP-59).
    pub const EPHEMERAL_GIFT_WRAP: Self = Self(21059);
    /// Client authentication (NIP-42).
    pub const AUTH: Self = Self(22242);
    /// HTTP authentication (NIP-98).
    pub const HTTP_AUTH: Self = Self(27235);

    /// The class of NIP-01. Kinds that the NIP leaves open are regular.
    #[inline]
    pub const fn class(self) -> KindClass {
        match self.0 {
            0 | 3 | 10_000..=19_999 => KindClass::Replaceable,
            20_000..=29_999 => KindClass::Ephemeral,
            30_000..=39_999 => KindClass::Addressable,
            _ => KindClass::Regular,
        }
    }

    /// Whether only the newest event of each author counts.
    pub const fn is_replaceable(self) -> bool {
        matches!(self.class(), KindClass::Replaceable)
    }

    /// Whether events of the kind are never stored.
    pub const fn is_ephemeral(self) -> bool {
        matches!(self.class(), KindClass::Ephemeral)
    }

    /// Whether only the newest event of each author and `d` tag counts.
    pub const fn is_addressable(self) -> bool {
        matches!(self.class(), KindClass::Addressable)
    }

    /// Whether this is one of the two gift wraps of NIP-59, whose author is a key used once.
    pub const fn is_gift_wrap(self) -> bool {
        matches!(self, Self::GIFT_WRAP | Self::EPHEMERAL_GIFT_WRAP)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_4_classes_of_nip_01() {
        for (kind, class) in [
            (0, KindClass::Replaceable),
            (1, KindClass::Regular),
            (3, KindClass::Replaceable),
            (5, KindClass::Regular),
            (45, KindClass::Regular),
            (9_999, KindClass::Regular),
            (10_000, KindClass::Replaceable),
            (19_999, KindClass::Replaceable),
            (20_000, KindClass::Ephemeral),
            (29_999, KindClass::Ephemeral),
            (30_000, KindClass::Addressable),
            (39_999, KindClass::Addressable),
            (40_000, KindClass::Regular),
            (65_535, KindClass::Regular),
        ] {
            assert_eq!(Kind(kind).class(), class, "{kind}");
        }
    }
}
