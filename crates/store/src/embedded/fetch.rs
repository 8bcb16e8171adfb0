//! Reading events by their numbers.

use stentor_event::{EventView, Filter, Timestamp, Viewer, visible};

use super::core::Core;
use crate::{EventNumber, StoredEvent};

/// Those that are there, last, match and may be seen, in the order asked for.
pub fn fetch(
    core: &Core,
    numbers: &[EventNumber],
    through: &Filter,
    viewer: &Viewer,
    now: Timestamp,
) -> Vec<StoredEvent> {
    let snapshot = core.snapshot();
    let shown = |json: &[u8]| {
        EventView::from_canonical(json).is_ok_and(|event| {
            event.expiration().is_none_or(|at| at > now)
                && through.matches(&event)
                && visible(&event, viewer, through)
        })
    };
    let events = numbers.iter().filter_map(|number| {
        let json = snapshot.event(core, number.0)?;
        shown(&json).then_some(StoredEvent {
            number: *number,
            json,
        })
    });
    events.collect()
}
