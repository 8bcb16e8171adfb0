//! What the bus is told of a change, in the transaction that makes it: whoever follows `relay.*` keeps a copy of the lists by it.
//! Reasons and addresses are for readers with a right to details.

use serde_json::{Value, json};
use stentor_bus::{Draft, EventType};
use stentor_event::{EventId, PublicKey};

use super::lists::Reason;
use super::{Actor, Change, Lists};

impl Change {
    /// What is told of it when it is made on these lists.
    pub(super) fn told(&self, lists: &Lists, by: &Actor) -> Vec<Draft> {
        use EventType::{
            RelayAllowAdded, RelayAllowRemoved, RelayBanAdded, RelayBanLifted, RelayMemberChanged,
            RelayMemberRemoved,
        };
        let drafts = match self {
            Self::BanKey(key, reason) => vec![of_key(RelayBanAdded, key, reason)],
            Self::UnbanKey(key, reason) => vec![of_key(RelayBanLifted, key, reason)],
            Self::AllowKey(key, reason) => vec![of_key(RelayAllowAdded, key, reason)],
            Self::UnallowKey(key, reason) | Self::ReleaseKey(key, reason) => {
                vec![of_key(RelayAllowRemoved, key, reason)]
            }
            Self::BanEvent(id, reason) => vec![of_event(RelayBanAdded, id, reason)],
            Self::AllowEvent(id, reason) => {
                let lifted = lists.banned_events.contains_key(id);
                let lifted = lifted.then(|| of_event(RelayBanLifted, id, &None));
                let allowed = of_event(RelayAllowAdded, id, reason);
                lifted.into_iter().chain([allowed]).collect()
            }
            Self::AllowKind(kind) => {
                let lifted = lists.denied_kinds.contains(kind);
                let lifted = lifted.then(|| of_kind(RelayBanLifted, *kind));
                let allowed = of_kind(RelayAllowAdded, *kind);
                lifted.into_iter().chain([allowed]).collect()
            }
            Self::DisallowKind(kind) => vec![of_kind(RelayBanAdded, *kind)],
            Self::ForgetKind(kind) => {
                let lifted = lists.denied_kinds.contains(kind);
                let lifted = lifted.then(|| of_kind(RelayBanLifted, *kind));
                let removed = lists.allowed_kinds.contains(kind);
                let removed = removed.then(|| of_kind(RelayAllowRemoved, *kind));
                lifted.into_iter().chain(removed).collect()
            }
            Self::Block(network, reason) => {
                let detail = json!({ "network": network.to_string(), "reason": reason });
                vec![of_address(RelayBanAdded, detail)]
            }
            Self::Unblock(network) => {
                vec![of_address(
                    RelayBanLifted,
                    json!({ "network": network.to_string() }),
                )]
            }
            Self::Name(text) => vec![of_profile("name", text)],
            Self::Description(text) => vec![of_profile("description", text)],
            Self::Icon(text) => vec![of_profile("icon", text)],
            Self::CreateRole(role) => vec![of_role(&role.id, "created")],
            Self::EditRole(role) => vec![of_role(&role.id, "edited")],
            Self::DeleteRole(id) => vec![of_role(id, "deleted")],
            Self::AssignRole(key, role) if !lists.members.contains_key(key) => {
                vec![added(key, "admin", Some(role))]
            }
            Self::AssignRole(key, role) | Self::UnassignRole(key, role) => {
                let assigned = matches!(self, Self::AssignRole(..));
                let data = json!({ "pubkey": key.to_string(), "role": role, "assigned": assigned });
                vec![about(RelayMemberChanged, key.to_string(), data)]
            }
            Self::AddMember(key) => vec![added(key, "admin", None)],
            Self::RemoveMember(key) => {
                let data = json!({ "pubkey": key.to_string() });
                vec![about(RelayMemberRemoved, key.to_string(), data)]
            }
        };
        by_whom(drafts, by)
    }
}

/// A key has become a member by an invite.
pub(super) fn joined(key: &PublicKey, role: Option<&String>, by: &Actor) -> Vec<Draft> {
    by_whom(vec![added(key, "invite", role)], by)
}

/// An event waits for a moderator.
pub(crate) fn queued(id: &EventId, reason: &str) -> Draft {
    let data = json!({ "event": id.to_string() });
    Draft {
        detail: Some(json!({ "reason": reason })),
        ..about(EventType::RelayModerationQueued, id.to_string(), data)
    }
}

fn by_whom(mut drafts: Vec<Draft>, by: &Actor) -> Vec<Draft> {
    for draft in &mut drafts {
        draft.actor = Some(by.subject());
    }
    drafts
}

fn about(event_type: EventType, subject: String, data: Value) -> Draft {
    Draft {
        subject: Some(subject),
        ..Draft::new(event_type, data)
    }
}

fn added(key: &PublicKey, by: &str, role: Option<&String>) -> Draft {
    let mut data = json!({ "pubkey": key.to_string(), "by": by });
    if let (Some(role), Some(data)) = (role, data.as_object_mut()) {
        data.insert("role".into(), role.as_str().into());
    }
    about(EventType::RelayMemberAdded, key.to_string(), data)
}

fn of_target(event_type: EventType, target: &str, value: String, reason: &Reason) -> Draft {
    let data = json!({ "target": target, "value": value });
    Draft {
        detail: reason.as_ref().map(|reason| json!({ "reason": reason })),
        ..about(event_type, value, data)
    }
}

fn of_key(event_type: EventType, key: &PublicKey, reason: &Reason) -> Draft {
    of_target(event_type, "pubkey", key.to_string(), reason)
}

fn of_event(event_type: EventType, id: &EventId, reason: &Reason) -> Draft {
    of_target(event_type, "event", id.to_string(), reason)
}

fn of_kind(event_type: EventType, kind: u16) -> Draft {
    of_target(event_type, "kind", kind.to_string(), &None)
}

fn of_address(event_type: EventType, detail: Value) -> Draft {
    Draft {
        detail: Some(detail),
        ..Draft::new(event_type, json!({ "target": "address" }))
    }
}

fn of_profile(field: &str, value: &str) -> Draft {
    let data = json!({ "field": field, "value": value });
    about(EventType::RelayProfileChanged, field.to_owned(), data)
}

fn of_role(role: &str, change: &str) -> Draft {
    let data = json!({ "role": role, "change": change });
    about(EventType::RelayRoleChanged, role.to_owned(), data)
}
