//! What one event does to another, and what is refused; see the [module above](super) for the order.

use stentor_event::{Kind, PublicKey, Timestamp, normalize_relay_url};

use super::facts::{Coordinate, Facts};
use super::state::State;
use crate::{Keep, Outcome, Refusal, RelayScope};

/// The outcome of an event, as far as it can be told before the signature is looked at.
pub fn judge(state: &State, event: &Facts, now: Timestamp) -> Option<Outcome> {
    let refused = |refusal| Some(Outcome::Refused(refusal));
    if event.kind == Kind::AUTH {
        return refused(Refusal::NeverStored);
    }
    if state.stored().any(|other| deletes(&other.facts, event)) {
        return refused(Refusal::Deleted);
    }
    if state
        .stored()
        .any(|other| vanishes(&state.scope, &other.facts, event))
    {
        return refused(Refusal::Vanished);
    }
    if event.expired(now) {
        return refused(Refusal::Expired);
    }
    if state.stored().any(|other| other.facts.id == event.id) {
        return Some(Outcome::Duplicate);
    }
    if state.keep == Keep::Current && state.stored().any(|other| supersedes(&other.facts, event)) {
        return refused(Refusal::Superseded);
    }
    None
}

/// Whether `newer` is a version of the same event as `older` and wins over it (R1.4).
pub fn supersedes(newer: &Facts, older: &Facts) -> bool {
    let same = newer.kind == older.kind
        && older
            .coordinate()
            .is_some_and(|coordinate| newer.coordinate() == Some(coordinate));
    let later = newer.created_at > older.created_at
        || (newer.created_at == older.created_at && newer.id < older.id);
    same && later
}

/// Whether `request` is a deletion request that deletes `target` (R1.5).
pub fn deletes(request: &Facts, target: &Facts) -> bool {
    if request.kind != Kind::DELETION || [Kind::DELETION, Kind::VANISH].contains(&target.kind) {
        return false;
    }
    let own = request.author == target.author;
    let named = request
        .values("e")
        .any(|value| value == target.id.to_string().as_bytes());
    let addressed = target.coordinate().is_some_and(|coordinate| {
        target.created_at <= request.created_at
            && request.values("a").any(|value| names(value, &coordinate))
    });
    (named && (own || target.wraps_for(request.author))) || (addressed && own)
}

/// Whether the value of an `a` tag, `kind:pubkey:identifier`, is this coordinate. Some clients leave out the last colon of a
/// replaceable event's.
fn names(value: &[u8], coordinate: &Coordinate) -> bool {
    let start = format!("{}:{}", coordinate.kind, coordinate.author).into_bytes();
    let whole = [&start, b":".as_slice(), &coordinate.identifier].concat();
    value == whole || (value == start && coordinate.kind.is_replaceable())
}

/// Whether `request` is a request to vanish that concerns this store and takes `target` along (R1.13).
pub fn vanishes(scope: &RelayScope, request: &Facts, target: &Facts) -> bool {
    request.kind == Kind::VANISH
        && request.values("relay").any(|value| concerns(scope, value))
        && takes_along(request.author, request.created_at, target)
}

/// Whether `target` goes when everything of this key up to this time goes.
pub fn takes_along(key: PublicKey, until: Timestamp, target: &Facts) -> bool {
    let theirs = target.author == key || target.wraps_for(key);
    theirs && target.created_at <= until && target.kind != Kind::VANISH
}

/// Whether the value of a `relay` tag means this store.
fn concerns(scope: &RelayScope, value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    text == "ALL_RELAYS" || normalize_relay_url(text).is_some_and(|url| scope.urls.contains(&url))
}
