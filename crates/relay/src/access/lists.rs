//! What admins and members have decided, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use stentor_event::{Event, EventId, Kind, PublicKey};

use super::{Blocked, Role};

/// Why something is on a list, in the words of who put it there.
pub type Reason = Option<String>;

/// What admins (NIP-86) and members (NIP-43) have decided. What the configuration says is not in here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Keys that may not write, with reasons.
    pub banned_keys: HashMap<PublicKey, Reason>,
    /// Keys that may write where only some may.
    pub allowed_keys: HashMap<PublicKey, Reason>,
    /// Whether only these and members may write. It stays so when the last one is taken off over the network.
    pub allow_list: bool,
    /// Events that are not wanted.
    pub banned_events: HashMap<EventId, Reason>,
    /// Kinds that are taken; none: all that are not denied.
    pub allowed_kinds: BTreeSet<u16>,
    /// Kinds that are not taken.
    pub denied_kinds: BTreeSet<u16>,
    /// Addresses and networks that may not connect.
    pub blocked: Blocked,
    /// Members with their roles.
    pub members: HashMap<PublicKey, Member>,
    /// The roles that members can have, by id.
    pub roles: BTreeMap<String, Role>,
    /// What the relay is called, where an admin has changed it.
    pub name: Option<String>,
    /// What the relay is for, likewise.
    pub description: Option<String>,
    /// The address of its icon, likewise.
    pub icon: Option<String>,
}

/// A member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// The ids of the member's roles.
    pub roles: BTreeSet<String>,
}

impl Lists {
    /// Whether the key is banned.
    pub fn bans(&self, key: &PublicKey) -> bool {
        !self.banned_keys.is_empty() && self.banned_keys.contains_key(key)
    }

    /// Whether the event is banned.
    pub fn bans_event(&self, id: &EventId) -> bool {
        !self.banned_events.is_empty() && self.banned_events.contains_key(id)
    }

    /// Whether the event is not to be taken, as it or its author is banned. A request to vanish (NIP-62) is taken from
    /// everybody, and stays.
    pub fn bars(&self, event: &Event) -> bool {
        self.bans_anything()
            && (self.bans(&event.pubkey()) || self.bans_event(&event.id()))
            && event.kind() != Kind::VANISH
    }

    /// Whether anything is banned at all.
    pub fn bans_anything(&self) -> bool {
        !self.banned_keys.is_empty() || !self.banned_events.is_empty()
    }

    /// Whether the key belongs to a member or is on the allow list, and is not banned.
    pub fn admits(&self, key: &PublicKey) -> bool {
        (self.members.contains_key(key) || self.allowed_keys.contains_key(key)) && !self.bans(key)
    }

    /// Whether only some may write, as an admin has made an allow list.
    pub const fn has_allow_list(&self) -> bool {
        self.allow_list
    }

    /// Whether only some kinds are taken.
    pub fn has_allowed_kinds(&self) -> bool {
        !self.allowed_kinds.is_empty()
    }

    /// Whether the kind is on the list of those that are taken.
    pub fn allows_kind(&self, kind: Kind) -> bool {
        self.allowed_kinds.contains(&kind.0)
    }

    /// Whether the kind is on the list of those that are not taken.
    pub fn denies_kind(&self, kind: Kind) -> bool {
        self.denied_kinds.contains(&kind.0)
    }

    /// Whether the address may not connect.
    pub fn blocks(&self, client: IpAddr) -> bool {
        self.blocked.contains(client)
    }

    /// Whether the key belongs to a member with one of these roles, and is not banned.
    pub fn has_role(&self, key: &PublicKey, roles: &[String]) -> bool {
        let member = self.members.get(key).filter(|_| !self.bans(key));
        member.is_some_and(|member| roles.iter().any(|role| member.roles.contains(role)))
    }
}
