//! Finding the numbers of events by their ids.

use stentor_event::{EventId, EventView};

use super::core::Core;
use super::run::leading;
use super::state::Snapshot;
use crate::EventNumber;

/// The number of each event that is there, in the order asked for, all as of one moment.
pub fn numbers(core: &Core, ids: &[EventId]) -> Vec<Option<EventNumber>> {
    let snapshot = core.snapshot();
    let number = |id| number(core, &snapshot, id);
    ids.iter().map(number).collect()
}

/// An id that came back after it was removed has several rows: only one of them leads to something.
fn number(core: &Core, snapshot: &Snapshot, id: &EventId) -> Option<EventNumber> {
    let first = leading(&id.0);
    let mut runs = snapshot.state.runs.iter().rev();
    runs.find_map(|placed| {
        let ranks = placed.run.ranks_of_id(first).iter();
        let rows = ranks.filter_map(|rank| placed.run.row(*rank));
        rows.map(|row| row.number)
            .find(|number| has_id(core, snapshot, *number, id))
    })
    .map(EventNumber)
}

/// Whether the event of this number is there and has this id. The index knows the first eight bytes of it; the rest is compared
/// with the beginning of the event, which is not parsed.
fn has_id(core: &Core, snapshot: &Snapshot, number: u64, id: &EventId) -> bool {
    let json = snapshot.event(core, number);
    let identity = json.and_then(|json| EventView::identity(&json));
    identity.is_some_and(|(found, _)| found == *id)
}
