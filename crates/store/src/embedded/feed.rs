//! Reading the change feed.

use stentor_event::{Event, EventId, Filter, PublicKey, Timestamp, Viewer};

use super::core::Core;
use super::log::{Address, Departure};
use super::state::{Place, Snapshot};
use crate::{Change, ChangeKind, EventNumber, Removal, Seq};

/// Most entries that one call returns.
const MOST: usize = 10_000;

/// The part of an entry's first word that is the event's number; above it stands the cause of a removal.
pub const NUMBER: u64 = u64::MAX >> 8;

/// Entries after `after`, oldest first.
pub fn changes(
    core: &Core,
    after: Seq,
    limit: usize,
    viewer: &Viewer,
    now: Timestamp,
) -> Vec<Change> {
    let snapshot = core.snapshot();
    let end = snapshot.state.end.next_seq;
    let first = after.0.saturating_add(1);
    let last = end.min(first.saturating_add(limit.min(MOST) as u64));
    (first..last)
        .filter_map(|seq| change(core, &snapshot, seq, viewer, now))
        .collect()
}

fn change(
    core: &Core,
    snapshot: &Snapshot,
    seq: u64,
    viewer: &Viewer,
    now: Timestamp,
) -> Option<Change> {
    let word = core.feed.get(2 * seq);
    let number = word & NUMBER;
    let mut change = Change {
        seq: Seq(seq),
        number: EventNumber(number),
        kind: ChangeKind::Added,
        committed_ms: core.feed.get(2 * seq + 1),
        id: None,
        former: None,
        event: None,
    };
    match Removal::from_code((word >> 56) as u8) {
        None => {
            change.event = visible_event(core, snapshot, number, viewer, now);
            change.id = change.event.as_ref().map(Event::id);
            if change.id.is_none() && viewer.is_operator() {
                change.id = id_of(core, snapshot, number);
            }
        }
        Some(removal) => {
            change.kind = ChangeKind::Removed(removal);
            let departure = removal_record(core, seq)?;
            let tag = |key: &PublicKey| core.keys.party(key);
            let known = departure.former;
            change.former = known.filter(|former| former.visible(viewer, tag));
            change.committed_ms = departure.time_ms;
            let told = change.former.is_some() || viewer.is_operator();
            change.id = told.then_some(departure.id);
        }
    }
    Some(change)
}

fn visible_event(
    core: &Core,
    snapshot: &Snapshot,
    number: u64,
    viewer: &Viewer,
    now: Timestamp,
) -> Option<Event> {
    let event = Event::from_canonical(snapshot.event(core, number)?).ok()?;
    let lasting = event.expiration().is_none_or(|at| at > now);
    (lasting && stentor_event::visible(&event.view(), viewer, &Filter::default())).then_some(event)
}

/// The id of an event that may be gone: then it is in the record of its removal.
fn id_of(core: &Core, snapshot: &Snapshot, number: u64) -> Option<EventId> {
    match snapshot.place(number) {
        Place::At(_) => Some(
            Event::from_canonical(snapshot.event(core, number)?)
                .ok()?
                .id(),
        ),
        Place::Gone(seq) => removal_record(core, seq).map(|departure| departure.id),
        Place::Unknown => None,
    }
}

/// What the record of a removal says. It may move while it is looked up.
pub fn removal_record(core: &Core, seq: u64) -> Option<Departure> {
    for _ in 0..3 {
        let address = Address::unpack(core.feed.get(2 * seq + 1));
        if let Some(segment) = core.log.segments().get(&address.segment) {
            return segment.record(address.offset)?.removal();
        }
    }
    None
}
