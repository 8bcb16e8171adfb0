//! What the relay publishes about its members (NIP-43), signed with its own key.

use stentor_event::{Event, EventBuilder, Kind, PublicKey, SecretKey, Timestamp};

use super::{ADDED, INVITE, MEMBERS, REMOVED, ROLE};
use crate::access::Role;

/// An event of the relay's own, which nobody else may publish (NIP-70).
fn own(kind: Kind, at: Timestamp) -> EventBuilder {
    EventBuilder::new(kind, at).tag(["-"])
}

/// The list of members, with their roles.
pub(super) fn members<'a>(
    list: impl Iterator<Item = (PublicKey, Vec<&'a str>)>,
    at: Timestamp,
    key: &SecretKey,
) -> Event {
    let add = |builder: EventBuilder, (member, roles): (PublicKey, Vec<&str>)| {
        let member = member.to_string();
        let fixed = ["member", &member];
        builder.tag(fixed.into_iter().chain(roles))
    };
    list.fold(own(MEMBERS, at), add).sign(key)
}

/// That somebody has become a member, or is one no more.
pub(super) fn came_or_went(
    member: &PublicKey,
    came: bool,
    at: Timestamp,
    key: &SecretKey,
) -> Event {
    let kind = if came { ADDED } else { REMOVED };
    own(kind, at).tag(["p", &member.to_string()]).sign(key)
}

/// A role.
pub(super) fn role(role: &Role, at: Timestamp, key: &SecretKey) -> Event {
    let mut builder = own(ROLE, at).tag(["d", &role.id]);
    let numbers = [
        ("color", role.color.map(|color| color.to_string())),
        ("order", role.order.map(|order| order.to_string())),
    ];
    let texts = [
        ("label", role.label.clone()),
        ("description", role.description.clone()),
    ];
    for (name, value) in texts.into_iter().chain(numbers) {
        if let Some(value) = value {
            builder = builder.tag([name, &value]);
        }
    }
    builder.sign(key)
}

/// That a role is no more (NIP-09).
pub(super) fn no_role(id: &str, at: Timestamp, key: &SecretKey) -> Event {
    let address = format!("{ROLE}:{}:{id}", key.public_key());
    own(Kind::DELETION, at).tag(["a", &address]).sign(key)
}

/// An invite.
pub(super) fn invite(claim: &str, at: Timestamp, key: &SecretKey) -> Event {
    own(INVITE, at).tag(["claim", claim]).sign(key)
}
