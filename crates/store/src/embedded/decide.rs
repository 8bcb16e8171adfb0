//! The one place where it is decided what becomes of an event, and what has to leave because of it.
//!
//! The order of reasons is that of R1.3: never stored, deleted, vanished, expired; then ephemeral; duplicate; superseded.
//! Policy has spoken before, and the signature is verified by the caller between a first look at these reasons and
//! the commit, where they are looked at again.

use stentor_event::vanish::{self, ALL_RELAYS};
use stentor_event::{Event, EventId, Kind, PublicKey, Timestamp};

use super::facts::{Facts, Found};
use super::key::KeyMaker;
use super::run::leading;
use crate::{Former, Keep, Outcome, Refusal, RelayScope, Removal};

/// What becomes of an event.
pub enum Decision {
    /// Not to be stored; the outcome says why.
    Done(Outcome),
    /// To be stored; these leave, in ascending order of their numbers.
    Store(Vec<Leaving>),
}

/// An event that has to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// Its number.
    pub number: u64,
    /// Why.
    pub cause: Removal,
    /// What is remembered of it.
    pub former: Former,
}

impl Leaving {
    /// An event leaves.
    pub fn new(number: u64, event: &Event, cause: Removal, keys: &KeyMaker) -> Self {
        Self {
            number,
            cause,
            former: Former::of(event, |key| keys.party(key)),
        }
    }
}

/// Decides about an event. `removals`: whether what has to leave is wanted too.
pub fn decide(event: &Event, facts: &Facts<'_>, now: Timestamp, removals: bool) -> Decision {
    match refusal(event, facts, now) {
        Some(refusal) => return Decision::Done(Outcome::Refused(refusal)),
        None if event.kind().is_ephemeral() => return Decision::Done(Outcome::Ephemeral),
        None if facts.has(&event.id()) => return Decision::Done(Outcome::Duplicate),
        None => {}
    }
    let options = &facts.core.options;
    let mut leaving = Vec::new();
    if options.keep == Keep::Current {
        let versions = versions(event, facts);
        if versions.iter().any(|other| supersedes(&other.event, event)) {
            return Decision::Done(Outcome::Refused(Refusal::Superseded));
        }
        leaving.extend(
            versions
                .iter()
                .map(|found| facts.leaving(found, Removal::Replaced)),
        );
    }
    if removals {
        match event.kind() {
            Kind::DELETION => leaving.extend(deleted_by(event, facts)),
            Kind::VANISH if names_us(event, &facts.core.scope.load()) => {
                leaving.extend(vanished(&event.pubkey(), event.created_at(), facts));
            }
            _ => {}
        }
    }
    leaving.sort_by_key(|l| l.number);
    leaving.dedup_by_key(|l| l.number);
    Decision::Store(leaving)
}

fn refusal(event: &Event, facts: &Facts<'_>, now: Timestamp) -> Option<Refusal> {
    let kind = event.kind();
    if kind == Kind::AUTH {
        return Some(Refusal::NeverStored);
    }
    if is_deleted(event, facts) {
        return Some(Refusal::Deleted);
    }
    if is_vanished(event, facts) {
        return Some(Refusal::Vanished);
    }
    event
        .expiration()
        .is_some_and(|at| at <= now)
        .then_some(Refusal::Expired)
}

/// Whether the first replaces the second: newer, or of the same second with the lower id (NIP-01).
fn supersedes(one: &Event, other: &Event) -> bool {
    (one.created_at(), std::cmp::Reverse(one.id()))
        > (other.created_at(), std::cmp::Reverse(other.id()))
}

/// The stored versions of a replaceable or addressable event.
fn versions(event: &Event, facts: &Facts<'_>) -> Vec<Found> {
    let (kind, author) = (event.kind(), event.pubkey());
    let key = if kind.is_replaceable() {
        facts.core.keys.author(&author, kind)
    } else if kind.is_addressable() {
        facts
            .core
            .keys
            .address(&author, kind, &event.identifier().unwrap_or_default())
    } else {
        return Vec::new();
    };
    facts.under(key, |_| true)
}

/// Requests for deletion and to vanish cannot be deleted (NIP-09, NIP-62).
pub fn is_lasting(kind: Kind) -> bool {
    kind == Kind::DELETION || kind == Kind::VANISH
}

/// Who may ask for the deletion of an event: its author, and the recipients of a gift wrap (NIP-59).
fn deleters(event: &Event) -> Vec<PublicKey> {
    let mut keys = vec![event.pubkey()];
    keys.extend(recipients(event));
    keys
}

/// The recipients of a gift wrap.
fn recipients(event: &Event) -> Vec<PublicKey> {
    if event.kind() != Kind::GIFT_WRAP {
        return Vec::new();
    }
    let view = event.view();
    let values = view.tags().filter_map(|tag| tag.single_letter());
    values
        .filter(|(letter, _)| *letter == b'p')
        .filter_map(|(_, value)| PublicKey::from_hex(&value))
        .collect()
}

/// Whether a stored request asks for the deletion of this event.
fn is_deleted(event: &Event, facts: &Facts<'_>) -> bool {
    if is_lasting(event.kind()) {
        return false;
    }
    let id = event.id().to_string();
    let by_id = facts.core.keys.tag(b'e', id.as_bytes(), Kind::DELETION);
    let deleters = deleters(event);
    let requests = facts.under(by_id, |row| {
        deleters.iter().any(|key| leading(&key.0) == row.author)
    });
    if requests
        .iter()
        .any(|request| deleters.contains(&request.event.pubkey()))
    {
        return true;
    }
    addresses(event).iter().any(|address| {
        let key = facts.core.keys.tag(b'a', address, Kind::DELETION);
        let author = leading(&event.pubkey().0);
        let newer = facts.under(key, |row| {
            row.author == author && row.created_at >= event.created_at().0
        });
        newer
            .iter()
            .any(|request| request.event.pubkey() == event.pubkey())
    })
}

/// How an `a` tag names this event: `kind:author:d`, and for replaceable events also without the last colon.
fn addresses(event: &Event) -> Vec<Vec<u8>> {
    let kind = event.kind();
    let start = || format!("{}:{}", kind.0, event.pubkey()).into_bytes();
    if kind.is_replaceable() {
        let mut long = start();
        long.push(b':');
        vec![long, start()]
    } else if kind.is_addressable() {
        let mut address = start();
        address.push(b':');
        address.extend_from_slice(&event.identifier().unwrap_or_default());
        vec![address]
    } else {
        Vec::new()
    }
}

/// What a request for deletion deletes.
fn deleted_by(request: &Event, facts: &Facts<'_>) -> Vec<Leaving> {
    let author = request.pubkey();
    let view = request.view();
    let mut leaving = Vec::new();
    for (letter, value) in view.tags().filter_map(|tag| tag.single_letter()) {
        let found: Vec<Found> = match letter {
            b'e' => EventId::from_hex(&value)
                .and_then(|id| facts.by_id(&id))
                .into_iter()
                .collect(),
            b'a' => versions_at(&value, request, facts),
            _ => continue,
        };
        let may = |f: &&Found| !is_lasting(f.event.kind()) && deleters(&f.event).contains(&author);
        leaving.extend(
            found
                .iter()
                .filter(may)
                .map(|found| facts.leaving(found, Removal::Deleted)),
        );
    }
    leaving
}

/// The versions that an `a` tag of a request for deletion concerns: up to the moment of the request.
fn versions_at(address: &[u8], request: &Event, facts: &Facts<'_>) -> Vec<Found> {
    // Some clients leave out the last colon of a replaceable event's address.
    let short = || stentor_event::Address::parse([address, b":"].concat().into());
    let Some(target) = stentor_event::Address::parse(address.into())
        .or_else(|| short().filter(|target| target.kind.is_replaceable()))
    else {
        return Vec::new();
    };
    if target.pubkey != request.pubkey() {
        return Vec::new();
    }
    let keys = &facts.core.keys;
    let key = if target.kind.is_addressable() {
        keys.address(&target.pubkey, target.kind, &target.identifier)
    } else if target.kind.is_replaceable() && target.identifier.is_empty() {
        keys.author(&target.pubkey, target.kind)
    } else {
        return Vec::new();
    };
    facts.under(key, |row| row.created_at <= request.created_at().0)
}

/// Whether a stored request to vanish covers this event.
fn is_vanished(event: &Event, facts: &Facts<'_>) -> bool {
    if event.kind() == Kind::VANISH {
        return false;
    }
    let covers = |author: &PublicKey| {
        let key = facts.core.keys.author(author, Kind::VANISH);
        let requests = facts.under(key, |row| row.created_at >= event.created_at().0);
        let scope = facts.core.scope.load();
        requests
            .iter()
            .any(|request| names_us(&request.event, &scope))
    };
    covers(&event.pubkey()) || recipients(event).iter().any(covers)
}

/// Whether a request to vanish names this relay or all (NIP-62).
fn names_us(request: &Event, scope: &RelayScope) -> bool {
    let names = |relay: &str| {
        relay == ALL_RELAYS
            || stentor_event::normalize_relay_url(relay)
                .is_some_and(|url| scope.urls.contains(&url))
    };
    vanish::relays(&request.view()).any(|relay| names(&relay))
}

/// Everything of an author up to a moment, and the gift wraps to them; requests to vanish stay.
fn vanished(author: &PublicKey, until: Timestamp, facts: &Facts<'_>) -> Vec<Leaving> {
    let vanish = Kind::VANISH.0;
    let mut found = facts.by_author(author, |row| {
        row.created_at <= until.0 && row.kind != vanish
    });
    let wraps = facts
        .core
        .keys
        .tag(b'p', author.to_string().as_bytes(), Kind::GIFT_WRAP);
    found.extend(facts.under(wraps, |row| row.created_at <= until.0));
    found
        .iter()
        .map(|found| facts.leaving(found, Removal::Vanished))
        .collect()
}
