//! Deletion requests (NIP-09).

use crate::address::Address;
use crate::keys::EventId;
use crate::view::EventView;

/// One thing that a deletion request asks to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeletionTarget<'a> {
    /// An event, by an `e` tag.
    Event(EventId),
    /// All versions of a replaceable or addressable event up to the time of the request, by an `a` tag.
    Address(Address<'a>),
}

/// What the `e` and `a` tags of a deletion request refer to, in order. Tags that refer to nothing are left out: malformed ids and
/// addresses, and addresses of kinds that are neither replaceable nor addressable. Whose events they are is not looked at.
pub fn deletion_targets<'a>(
    event: &EventView<'a>,
) -> impl Iterator<Item = DeletionTarget<'a>> + use<'a> {
    event.tags().filter_map(|tag| match tag.letter()? {
        b'e' => EventId::from_hex(&tag.value()?.unescape()).map(DeletionTarget::Event),
        b'a' => {
            let address = Address::parse(tag.value()?.unescape())?;
            let versioned = address.kind.is_replaceable() || address.kind.is_addressable();
            versioned.then_some(DeletionTarget::Address(address))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventBuilder, Kind, PublicKey, SecretKey, Timestamp};

    #[test]
    fn r1_5_targets_are_events_and_addresses() {
        let (id, key) = ("01".repeat(32), "02".repeat(32));
        let request = EventBuilder::new(Kind::DELETION, Timestamp(1))
            .tag(["e", &id])
            .tag(["e", "xyz"])
            .tag(["E", &id])
            .tag(["a", &format!("30023:{key}:a:b")])
            .tag(["a", &format!("10002:{key}:")])
            .tag(["a", &format!("1:{key}:")])
            .tag(["a", "30023"])
            .tag(["e"])
            .sign(&SecretKey::from_bytes([3; 32]).unwrap());
        let address = |kind, identifier: &'static [u8]| {
            DeletionTarget::Address(Address {
                kind: Kind(kind),
                pubkey: PublicKey([2; 32]),
                identifier: identifier.into(),
            })
        };
        let targets: Vec<_> = deletion_targets(&request.view()).collect();
        assert_eq!(
            targets,
            [
                DeletionTarget::Event(EventId([1; 32])),
                address(30_023, b"a:b"),
                address(10_002, b"")
            ]
        );
    }
}
