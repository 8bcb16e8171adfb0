//! Membership (NIP-43, R3.1): join and leave requests, invites on demand, and what the relay says about its members.
//!
//! The truth is in [`Access`](crate::access::Access). Requests come as events that are neither stored nor passed on
//! ([`request`]); what the relay publishes is made to follow the truth by a service of its own ([`publisher`]), so that a
//! change by any way (a request, an admin, the shell) is published alike.

mod announced;
mod events;
mod publisher;
mod request;

pub(crate) use publisher::publish;
pub(crate) use request::{Request, answer, invite_event, may_invite};

use stentor_event::Kind;

/// "I want to join": carries a claim.
pub(crate) const JOIN: Kind = Kind(28_934);
/// An invite, made when asked for.
pub(crate) const INVITE: Kind = Kind(28_935);
/// "I want to leave."
pub(crate) const LEAVE: Kind = Kind(28_936);
/// The list of members.
pub(crate) const MEMBERS: Kind = Kind(13_534);
/// Somebody has become a member.
pub(crate) const ADDED: Kind = Kind(8_000);
/// Somebody is a member no more.
pub(crate) const REMOVED: Kind = Kind(8_001);
/// A role.
pub(crate) const ROLE: Kind = Kind(33_534);
/// The list of relays that a person is a member of, by that person.
pub(crate) const OWN_MEMBERSHIPS: Kind = Kind(10_010);
