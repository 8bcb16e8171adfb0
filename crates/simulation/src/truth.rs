//! What there is to be had from a relay.

use std::collections::{BTreeMap, BTreeSet};

use stentor_event::{Event, EventId, Kind, PublicKey};

use crate::events::{FAR, HUGE_BYTES};
use crate::manners::{Auth, Certificate, Deaf, Door, Manners, Noise, Reads};

/// Why a relay can never give something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// More events of one second, kind and author than it sends for a REQ.
    BeyondCap,
    /// An event of more than 1 MiB.
    TooLarge,
}

/// A time for which a relay can never give all it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Its first second, since 1970.
    pub since: u64,
    /// Its last second.
    pub until: u64,
    /// Why.
    pub reason: Reason,
}

/// What a relay has at the start of the network, and what of it can be had. What is published to it later is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// All it has, whatever it is worth: also what is forged, has expired, or is of the future.
    pub stored: BTreeSet<EventId>,
    /// What a patient client that keeps to the rules can get without authentication: real events, neither expired nor of the future.
    pub honest: BTreeSet<EventId>,
    /// The same for what it gives only to those who authenticate.
    pub gated: BTreeSet<EventId>,
    /// How many of the events that it has are forged.
    pub forged: u64,
    /// Times for which it cannot give all, oldest first.
    pub holes: Vec<Hole>,
    /// Whether a client can know that it has got all: false for relays without EOSE and for those that leave events out in silence.
    pub provable: bool,
}

impl Truth {
    /// Works it out; `now` is the time by which events have expired.
    pub(crate) fn of(
        manners: &Manners,
        events: &[Event],
        forged: &BTreeSet<EventId>,
        now: u64,
    ) -> Self {
        let mut truth = Self {
            stored: events.iter().map(Event::id).collect(),
            forged: forged.len() as u64,
            provable: is_provable(manners),
            ..Self::default()
        };
        if !is_readable(manners) {
            return truth;
        }
        let real = events.iter().filter(|event| !forged.contains(&event.id()));
        let sound = real.filter(|event| is_sound(event, now));
        let mut had: BTreeSet<EventId> = sound.map(Event::id).collect();
        truth.leave_out_huge(events, &mut had);
        if let (Some(cap), true) = (manners.cap, manners.deaf == Deaf::Nothing) {
            truth.leave_out_bursts(events, cap, &mut had);
        }
        if manners.noise == Noise::WrongSubscription {
            had.retain(is_sent_rightly);
        }
        truth.holes.sort_by_key(|hole| hole.since);
        match manners.auth {
            Auth::NotWanted => truth.honest = had,
            Auth::Wanted => truth.gated = had,
            Auth::Refused => {}
        }
        truth
    }

    fn leave_out_huge(&mut self, events: &[Event], had: &mut BTreeSet<EventId>) {
        for event in events.iter().filter(|event| is_huge(event)) {
            had.remove(&event.id());
            self.holes.push(Hole {
                since: event.created_at().0,
                until: event.created_at().0,
                reason: Reason::TooLarge,
            });
        }
    }

    /// Splitting a second by kind and by author is as far as it goes; of what is still too much, the lowest ids are sent.
    fn leave_out_bursts(&mut self, events: &[Event], cap: usize, had: &mut BTreeSet<EventId>) {
        type Group = (u64, Kind, PublicKey);
        let mut groups: BTreeMap<Group, BTreeSet<EventId>> = BTreeMap::new();
        for event in events {
            let group = (event.created_at().0, event.kind(), event.pubkey());
            groups.entry(group).or_default().insert(event.id());
        }
        for ((second, ..), ids) in groups.into_iter().filter(|(_, ids)| ids.len() > cap) {
            for id in ids.iter().skip(cap) {
                had.remove(id);
            }
            self.holes.push(Hole {
                since: second,
                until: second,
                reason: Reason::BeyondCap,
            });
        }
    }
}

/// Which half of its events a relay sends under the right name.
pub(crate) fn is_sent_rightly(id: &EventId) -> bool {
    id.0.last().is_some_and(|last| last % 2 == 1)
}

pub(crate) fn is_huge(event: &Event) -> bool {
    event.json().len() > HUGE_BYTES
}

/// Whether an event is of now and to be kept.
fn is_sound(event: &Event, now: u64) -> bool {
    event.created_at().0 < FAR
        && event.expiration().is_none_or(|end| end.0 > now)
        && !event.kind().is_ephemeral()
}

fn is_readable(manners: &Manners) -> bool {
    manners.door == Door::Relay
        && manners.reads == Reads::Answered
        && manners
            .certificate
            .is_none_or(|one| one == Certificate::Good)
}

fn is_provable(manners: &Manners) -> bool {
    is_readable(manners)
        && manners.auth != Auth::Refused
        && manners.eose
        && manners.noise != Noise::WrongSubscription
}
