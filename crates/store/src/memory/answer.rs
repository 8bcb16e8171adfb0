//! What a query's answer is, by definition.
//!
//! The *matches* of a filter are the events below the query's bound that are there, have not expired at `now`, match the
//! filter and are visible to the viewer through it, by `created_at` descending, then id ascending. Of these the filter
//! contributes its first `limit`, or what the cap leaves if that is less than the limit: the whole seconds that fit, or,
//! if not even the first second does, as many of it as the cap says (R1.8). The answer is the union of the contributions,
//! in the same order. It is complete when no match of any filter is missing from it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use stentor_event::{EventId, Filter, Timestamp, Viewer, hll, visible};

use super::state::{Row, State};
use crate::{Count, EventNumber, Query, ScanLimits, StoredEvent};

/// The place of an event in the order of answers.
pub type Place = (Reverse<Timestamp>, EventId);

/// The place of an event.
pub fn place(row: &Row) -> Place {
    (Reverse(row.facts.created_at), row.facts.id)
}

/// A whole answer.
pub struct Answer {
    /// The places of its events.
    pub places: BTreeSet<Place>,
    /// Whether matches are missing.
    pub more: bool,
}

/// The answer to `query` over the rows that `there` admits.
pub fn answer(
    state: &State,
    query: &Query,
    viewer: &Viewer,
    there: impl Fn(&Row) -> bool,
) -> Answer {
    let matches: Vec<Vec<Place>> = query
        .filters
        .iter()
        .map(|filter| matches(state, query, filter, viewer, &there))
        .collect();
    let contributions = query
        .filters
        .iter()
        .zip(&matches)
        .map(|(filter, all)| contribution(filter, query.limits, all));
    let places: BTreeSet<Place> = contributions.flatten().copied().collect();
    let more = matches
        .iter()
        .flatten()
        .any(|place| !places.contains(place));
    Answer { places, more }
}

/// Those of these events that are there, have not expired, match and are visible, in the order asked for.
pub fn fetch(
    state: &State,
    numbers: &[EventNumber],
    through: &Filter,
    viewer: &Viewer,
    now: Timestamp,
) -> Vec<StoredEvent> {
    let row_of = |number: &EventNumber| state.rows.iter().find(|row| row.number == *number);
    let shown = |row: &&Row| {
        let view = row.event.view();
        row.gone.is_none()
            && !row.facts.expired(now)
            && through.matches(&view)
            && visible(&view, viewer, through)
    };
    let rows = numbers.iter().filter_map(row_of).filter(shown);
    rows.map(|row| StoredEvent {
        number: row.number,
        json: row.event.json().clone(),
    })
    .collect()
}

fn matches(
    state: &State,
    query: &Query,
    filter: &Filter,
    viewer: &Viewer,
    there: &impl Fn(&Row) -> bool,
) -> Vec<Place> {
    let mut places: Vec<Place> = state
        .rows
        .iter()
        .filter(|row| there(row) && is_match(row, query, filter, viewer))
        .map(place)
        .collect();
    places.sort();
    places
}

/// Whether an event belongs to the matches of a filter, if it is there.
pub fn is_match(row: &Row, query: &Query, filter: &Filter, viewer: &Viewer) -> bool {
    let view = row.event.view();
    query
        .before
        .is_none_or(|before: EventNumber| row.number < before)
        && !row.facts.expired(query.now)
        && filter.matches(&view)
        && visible(&view, viewer, filter)
}

/// What a filter contributes, of all its matches in order.
fn contribution<'a>(filter: &Filter, limits: ScanLimits, all: &'a [Place]) -> &'a [Place] {
    let cap = if limits.cap == 0 {
        u64::MAX
    } else {
        limits.cap
    };
    let limit = filter.limit.unwrap_or(u64::MAX);
    if limit <= cap {
        return first(all, limit);
    }
    let kept = first(all, cap);
    let Some(cut) = all.get(kept.len()) else {
        return kept;
    };
    let whole = kept.iter().filter(|place| place.0 != cut.0).count();
    if whole == 0 {
        kept
    } else {
        first(kept, whole as u64)
    }
}

fn first(places: &[Place], count: u64) -> &[Place] {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    places.get(..count).unwrap_or(places)
}

/// The exact count of the union, limits ignored; and the registers of NIP-45 when there is one filter and it is eligible.
pub fn count(state: &State, query: &Query, viewer: &Viewer) -> Count {
    let counted: Vec<&Row> = state
        .stored()
        .filter(|row| {
            query
                .filters
                .iter()
                .any(|filter| is_match(row, query, filter, viewer))
        })
        .collect();
    let hll = eligible(query).map(|offset| {
        let mut registers = hll::Registers::new();
        counted
            .iter()
            .for_each(|row| registers.add(offset, &row.facts.author));
        Box::new(registers.0)
    });
    Count {
        count: counted.len() as u64,
        hll,
    }
}

fn eligible(query: &Query) -> Option<usize> {
    match query.filters.as_ref() {
        [filter] => hll::offset(filter),
        _ => None,
    }
}
