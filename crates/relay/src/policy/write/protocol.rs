//! What the protocol itself demands of an event and its sender (R1.3, R1.12): asked before every other rule, without a
//! switch.

use stentor_auth::Place;
use stentor_event::{Event, Kind, embeds_protected, vanish};

use super::super::Rejection;
use super::Writing;

/// What follows for the rules of the relay.
pub(in crate::policy) enum Outcome {
    /// A request to vanish (NIP-62) that concerns this relay: it passes every rule (R1.13).
    PassesAll,
    /// The rules decide.
    Subject,
    /// The protocol is against it.
    Refused(Rejection),
}

/// Judges an event whose id is right.
pub(in crate::policy) fn judge(writing: &Writing<'_>) -> Outcome {
    match examine(writing) {
        Ok(true) => Outcome::PassesAll,
        Ok(false) => Outcome::Subject,
        Err(rejection) => Outcome::Refused(rejection),
    }
}

/// Whether the event passes all rules, if the protocol is not against it.
fn examine(writing: &Writing<'_>) -> Result<bool, Rejection> {
    let event = writing.event;
    if event.kind() == Kind::AUTH {
        let reason = "invalid: events of kind 22242 are for AUTH messages only";
        return Err(Rejection::invalid(reason));
    }
    if event.kind() == Kind::VANISH && concerns_us(event, &writing.place)? {
        return Ok(true);
    }
    check_protection(writing)?;
    Ok(false)
}

/// Whether a request to vanish concerns this relay.
fn concerns_us(event: &Event, place: &Place<'_>) -> Result<bool, Rejection> {
    let view = event.view();
    if vanish::relays(&view).next().is_none() {
        let reason = "invalid: a request to vanish names at least one relay";
        return Err(Rejection::invalid(reason));
    }
    Ok(vanish::relays(&view).any(|relay| relay == vanish::ALL_RELAYS || place.is_named_by(&relay)))
}

/// NIP-70: a protected event comes from its author, and no repost carries one.
fn check_protection(writing: &Writing<'_>) -> Result<(), Rejection> {
    let (event, keys) = (writing.event, writing.keys);
    if event.is_protected() && !keys.contains(&event.pubkey()) {
        let prefix = if keys.is_empty() {
            "auth-required"
        } else {
            "restricted"
        };
        let reason = format!("{prefix}: this event may only be published by its author");
        return Err(Rejection::refused(reason));
    }
    if embeds_protected(&event.view()) {
        return Err(Rejection::refused(
            "blocked: a repost must not embed a protected event",
        ));
    }
    Ok(())
}
