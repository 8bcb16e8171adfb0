//! Changes of the access lists: what each one writes and what it makes of the lists in memory.

use serde_json::{Value, json};
use stentor_event::{EventId, PublicKey};
use stentor_net::client::Cidr;
use stentor_sql::{Error, Transaction};

use super::lists::Reason;
use super::{AccessError, Lists, Role};
use crate::moderation::queue::leave;

/// The setting that is there while only some keys may write.
pub(super) const ALLOW_LIST: &str = "allow_list";

/// A change. Each stands for a method of NIP-86, or for what only the shell can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A key may write no more.
    BanKey(PublicKey, Reason),
    /// A key may write again.
    UnbanKey(PublicKey, Reason),
    /// A key may write where only some may.
    AllowKey(PublicKey, Reason),
    /// A key is taken off that list. Without any key left, the list goes on to restrict.
    UnallowKey(PublicKey, Reason),
    /// A key is taken off that list, which restricts nobody any more if it is empty then.
    ReleaseKey(PublicKey, Reason),
    /// An event is not wanted.
    BanEvent(EventId, Reason),
    /// An event is good, whatever was said against it.
    AllowEvent(EventId, Reason),
    /// Events of this kind are taken; of others only if they are allowed too.
    AllowKind(u16),
    /// Events of this kind are not taken.
    DisallowKind(u16),
    /// What was said of this kind is forgotten.
    ForgetKind(u16),
    /// An address or a network may not connect.
    Block(Cidr, Reason),
    /// It may again.
    Unblock(Cidr),
    /// What the relay is called.
    Name(String),
    /// What it is for.
    Description(String),
    /// The address of its icon.
    Icon(String),
    /// A new role.
    CreateRole(Role),
    /// A role is another now.
    EditRole(Role),
    /// A role is no more, and nobody has it.
    DeleteRole(String),
    /// A key has a role, and is a member by that.
    AssignRole(PublicKey, String),
    /// A key has a role no more.
    UnassignRole(PublicKey, String),
    /// A key becomes a member.
    AddMember(PublicKey),
    /// A key is a member no more.
    RemoveMember(PublicKey),
}

impl Change {
    /// The method that makes this change.
    pub fn method(&self) -> &'static str {
        match self {
            Self::BanKey(..) => "banpubkey",
            Self::UnbanKey(..) => "unbanpubkey",
            Self::AllowKey(..) => "allowpubkey",
            // From the shell the method opens the relay again, over the network it does not.
            Self::UnallowKey(..) | Self::ReleaseKey(..) => "unallowpubkey",
            Self::BanEvent(..) => "banevent",
            Self::AllowEvent(..) => "allowevent",
            Self::AllowKind(_) => "allowkind",
            Self::DisallowKind(_) => "disallowkind",
            Self::ForgetKind(_) => "forgetkind",
            Self::Block(..) => "blockip",
            Self::Unblock(_) => "unblockip",
            Self::Name(_) => "changerelayname",
            Self::Description(_) => "changerelaydescription",
            Self::Icon(_) => "changerelayicon",
            Self::CreateRole(_) => "createrole",
            Self::EditRole(_) => "editrole",
            Self::DeleteRole(_) => "deleterole",
            Self::AssignRole(..) => "assignrole",
            Self::UnassignRole(..) => "unassignrole",
            Self::AddMember(_) => "addmember",
            Self::RemoveMember(_) => "removemember",
        }
    }

    /// What the method was called with, as a JSON array.
    pub fn params(&self) -> String {
        let values: Value = match self {
            Self::BanKey(key, reason)
            | Self::UnbanKey(key, reason)
            | Self::AllowKey(key, reason)
            | Self::UnallowKey(key, reason)
            | Self::ReleaseKey(key, reason) => json!([key.to_string(), reason]),
            Self::BanEvent(id, reason) | Self::AllowEvent(id, reason) => {
                json!([id.to_string(), reason])
            }
            Self::AllowKind(kind) | Self::DisallowKind(kind) | Self::ForgetKind(kind) => {
                json!([kind])
            }
            Self::Block(network, reason) => json!([network.to_string(), reason]),
            Self::Unblock(network) => json!([network.to_string()]),
            Self::Name(text)
            | Self::Description(text)
            | Self::Icon(text)
            | Self::DeleteRole(text) => json!([text]),
            Self::CreateRole(role) | Self::EditRole(role) => {
                json!([
                    role.id,
                    role.label,
                    role.description,
                    role.color,
                    role.order
                ])
            }
            Self::AssignRole(key, role) | Self::UnassignRole(key, role) => {
                json!([key.to_string(), role])
            }
            Self::AddMember(key) | Self::RemoveMember(key) => json!([key.to_string()]),
        };
        values.to_string()
    }

    /// Whether it can be made on these lists.
    pub(super) fn check(&self, lists: &Lists) -> Result<(), AccessError> {
        let exists = |id: &String| lists.roles.contains_key(id);
        match self {
            Self::CreateRole(role) if exists(&role.id) => {
                Err(AccessError::RoleExists(role.id.clone()))
            }
            Self::EditRole(Role { id, .. })
            | Self::DeleteRole(id)
            | Self::AssignRole(_, id)
            | Self::UnassignRole(_, id)
                if !exists(id) =>
            {
                Err(AccessError::NoRole(id.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Makes it in memory.
    pub(super) fn make(&self, lists: &mut Lists) {
        match self {
            Self::BanKey(key, reason) => drop(lists.banned_keys.insert(*key, reason.clone())),
            Self::UnbanKey(key, _) => drop(lists.banned_keys.remove(key)),
            Self::AllowKey(key, reason) => {
                lists.allowed_keys.insert(*key, reason.clone());
                lists.allow_list = true;
            }
            // The list stays one, as with kinds below.
            Self::UnallowKey(key, _) => drop(lists.allowed_keys.remove(key)),
            Self::ReleaseKey(key, _) => {
                lists.allowed_keys.remove(key);
                lists.allow_list = !lists.allowed_keys.is_empty();
            }
            Self::BanEvent(id, reason) => drop(lists.banned_events.insert(*id, reason.clone())),
            Self::AllowEvent(id, _) => drop(lists.banned_events.remove(id)),
            Self::AllowKind(kind) => {
                lists.denied_kinds.remove(kind);
                lists.allowed_kinds.insert(*kind);
            }
            // It stays among the allowed: taking the last one away must not open the relay to all others.
            Self::DisallowKind(kind) => drop(lists.denied_kinds.insert(*kind)),
            Self::ForgetKind(kind) => {
                lists.denied_kinds.remove(kind);
                lists.allowed_kinds.remove(kind);
            }
            Self::Block(network, reason) => lists.blocked.insert(*network, reason.clone()),
            Self::Unblock(network) => lists.blocked.remove(network),
            Self::Name(text) => lists.name = Some(text.clone()),
            Self::Description(text) => lists.description = Some(text.clone()),
            Self::Icon(text) => lists.icon = Some(text.clone()),
            Self::CreateRole(role) | Self::EditRole(role) => {
                lists.roles.insert(role.id.clone(), role.clone());
            }
            Self::DeleteRole(id) => {
                lists.roles.remove(id);
                for member in lists.members.values_mut() {
                    member.roles.remove(id);
                }
            }
            Self::AssignRole(key, role) => {
                let member = lists.members.entry(*key).or_default();
                member.roles.insert(role.clone());
            }
            Self::UnassignRole(key, role) => {
                if let Some(member) = lists.members.get_mut(key) {
                    member.roles.remove(role);
                }
            }
            Self::AddMember(key) => {
                lists.members.entry(*key).or_default();
            }
            Self::RemoveMember(key) => drop(lists.members.remove(key)),
        }
    }

    /// Writes it into the records.
    pub(super) fn write(&self, tx: &mut Transaction<'_>, now: u64) -> Result<(), Error> {
        let at = now as i64;
        match self {
            Self::BanKey(key, reason) => tx.execute(
                "INSERT INTO relay_banned_keys (pubkey, reason, at) VALUES (?, ?, ?)
                 ON CONFLICT (pubkey) DO UPDATE SET reason = excluded.reason",
                (key.0, reason.as_deref(), at),
            ),
            Self::UnbanKey(key, _) => {
                tx.execute("DELETE FROM relay_banned_keys WHERE pubkey = ?", (key.0,))
            }
            Self::AllowKey(key, reason) => {
                set(tx, ALLOW_LIST, "on")?;
                tx.execute(
                    "INSERT INTO relay_allowed_keys (pubkey, reason, at) VALUES (?, ?, ?)
                     ON CONFLICT (pubkey) DO UPDATE SET reason = excluded.reason",
                    (key.0, reason.as_deref(), at),
                )
            }
            Self::UnallowKey(key, _) => unallow(tx, key),
            Self::ReleaseKey(key, _) => {
                unallow(tx, key)?;
                tx.execute(
                    "DELETE FROM relay_settings WHERE name = ?
                     AND NOT EXISTS (SELECT 1 FROM relay_allowed_keys)",
                    (ALLOW_LIST,),
                )
            }
            Self::BanEvent(id, reason) => judge_event(tx, id, true, reason, at),
            Self::AllowEvent(id, reason) => judge_event(tx, id, false, reason, at),
            Self::AllowKind(kind) => {
                forget_kind(tx, *kind, false)?;
                note_kind(tx, *kind, true)
            }
            Self::DisallowKind(kind) => note_kind(tx, *kind, false),
            Self::ForgetKind(kind) => {
                forget_kind(tx, *kind, false)?;
                forget_kind(tx, *kind, true)
            }
            Self::Block(network, reason) => tx.execute(
                "INSERT INTO relay_blocked (network, reason, at) VALUES (?, ?, ?)
                 ON CONFLICT (network) DO UPDATE SET reason = excluded.reason",
                (network.to_string(), reason.as_deref(), at),
            ),
            Self::Unblock(network) => tx.execute(
                "DELETE FROM relay_blocked WHERE network = ?",
                (network.to_string(),),
            ),
            Self::Name(text) => set(tx, "name", text),
            Self::Description(text) => set(tx, "description", text),
            Self::Icon(text) => set(tx, "icon", text),
            Self::CreateRole(role) | Self::EditRole(role) => write_role(tx, role),
            Self::DeleteRole(id) => {
                tx.execute(
                    "DELETE FROM relay_member_roles WHERE role = ?",
                    (id.as_str(),),
                )?;
                tx.execute(
                    "UPDATE relay_invites SET role = NULL WHERE role = ?",
                    (id.as_str(),),
                )?;
                tx.execute("DELETE FROM relay_roles WHERE id = ?", (id.as_str(),))
            }
            Self::AssignRole(key, role) => {
                add_member(tx, key, None, at)?;
                assign(tx, key, role)
            }
            Self::UnassignRole(key, role) => tx.execute(
                "DELETE FROM relay_member_roles WHERE pubkey = ? AND role = ?",
                (key.0, role.as_str()),
            ),
            Self::AddMember(key) => add_member(tx, key, None, at),
            Self::RemoveMember(key) => {
                tx.execute("DELETE FROM relay_member_roles WHERE pubkey = ?", (key.0,))?;
                tx.execute("DELETE FROM relay_members WHERE pubkey = ?", (key.0,))
            }
        }
        .map(drop)
    }
}

/// An event is banned, or allowed for good; it needs no moderation any more.
fn judge_event(
    tx: &mut Transaction<'_>,
    id: &EventId,
    banned: bool,
    reason: &Reason,
    at: i64,
) -> Result<u64, Error> {
    leave(tx, id)?;
    tx.execute(
        "INSERT INTO relay_events (id, banned, reason, at) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET banned = excluded.banned, reason = excluded.reason",
        (id.0, banned, reason.as_deref(), at),
    )
}

fn unallow(tx: &mut Transaction<'_>, key: &PublicKey) -> Result<u64, Error> {
    tx.execute("DELETE FROM relay_allowed_keys WHERE pubkey = ?", (key.0,))
}

fn note_kind(tx: &mut Transaction<'_>, kind: u16, allowed: bool) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO relay_kinds (kind, allowed) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (i64::from(kind), allowed),
    )
}

fn forget_kind(tx: &mut Transaction<'_>, kind: u16, allowed: bool) -> Result<u64, Error> {
    tx.execute(
        "DELETE FROM relay_kinds WHERE kind = ? AND allowed = ?",
        (i64::from(kind), allowed),
    )
}

fn set(tx: &mut Transaction<'_>, name: &str, value: &str) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO relay_settings (name, value) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
}

fn write_role(tx: &mut Transaction<'_>, role: &Role) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO relay_roles (id, label, description, color, position) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET label = excluded.label, description = excluded.description,
         color = excluded.color, position = excluded.position",
        (
            role.id.as_str(),
            role.label.as_deref(),
            role.description.as_deref(),
            role.color.map(i64::from),
            role.order,
        ),
    )
}

/// Makes a key a member, by an invite or by an admin.
pub(super) fn add_member(
    tx: &mut Transaction<'_>,
    key: &PublicKey,
    claim: Option<&str>,
    at: i64,
) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO relay_members (pubkey, joined_at, claim) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (key.0, at, claim),
    )
}

/// Gives a member a role.
pub(super) fn assign(tx: &mut Transaction<'_>, key: &PublicKey, role: &str) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO relay_member_roles (pubkey, role) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (key.0, role),
    )
}
