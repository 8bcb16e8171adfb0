//! Counting (NIP-45), exactly and without touching events where the index knows the answer.
//!
//! A filter that is one key of the index, or a union of keys that cannot share an event, is answered from maintained
//! counts; see [`counters`](super::counters). Everything else is answered by a scan.

use std::sync::Arc;

use stentor_event::hll::Registers;
use stentor_event::{EventView, Filter, Kind, Timestamp, Viewer};

use super::core::Core;
use super::decide::is_lasting;
use super::key::Key;
use super::run::{EXPIRES, Row};
use super::scan::{Cursor, UnionScan, Window, plan};
use super::state::Snapshot;
use crate::{Budget, Count, Query, ScanLimits, StoreError};

/// Seconds by which events may be purged late: the window that counting looks at again.
pub const PURGE_SLACK: u64 = 60;

/// Most keys that are counted one by one for a filter.
const KEYS: usize = 256;

/// Rows after which it is asked whether the count is still wanted.
const ASK_EVERY: u64 = 4_096;

/// Whether the count is still wanted.
type Wanted<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Counts what the viewer may see of the union of the filters, as long as that is wanted.
pub fn count(
    core: &Arc<Core>,
    query: &Query,
    viewer: &Viewer,
    wanted: Wanted<'_>,
) -> Result<Count, StoreError> {
    let hll = match &*query.filters {
        [filter] => stentor_event::hll::offset(filter),
        _ => None,
    };
    // The maintained counts know no bound on event numbers.
    if let (None, [filter]) = (query.before, &*query.filters)
        && let Some(count) = by_keys(core, filter, query.now, viewer, hll)
    {
        return Ok(count);
    }
    by_scan(core, query, viewer, hll, wanted)
}

/// The answer from the maintained counts; `None` when they cannot give it.
fn by_keys(
    core: &Core,
    filter: &Filter,
    now: Timestamp,
    viewer: &Viewer,
    hll: Option<usize>,
) -> Option<Count> {
    if filter.ids.is_some()
        || filter.since.is_some()
        || filter.until.is_some()
        || filter.search.is_some()
    {
        return None;
    }
    let mut registers = Registers::default();
    let mut count = 0u64;
    if !filter.matches_nothing() {
        let keys = disjoint_keys(core, filter, viewer)?;
        let expired = expired(core, filter, now);
        if expired > 0 && hll.is_some() {
            return None;
        }
        for key in keys {
            count += count_key(core, key, hll, &mut registers);
        }
        count = count.saturating_sub(expired);
    }
    Some(Count {
        count,
        hll: hll.map(|_| Box::new(registers.0)),
    })
}

/// Keys whose events together are exactly those of the filter, none under two of them. Only kinds open to the viewer
/// can be counted unseen, so the filter must name its kinds.
fn disjoint_keys(core: &Core, filter: &Filter, viewer: &Viewer) -> Option<Vec<Key>> {
    let kinds = filter.kinds.as_deref()?;
    if !viewer.is_operator() && !kinds.iter().all(|kind| viewer.rules.is_open(*kind)) {
        return None;
    }
    // Those that have expired are not purged.
    if kinds.iter().any(|kind| is_lasting(*kind)) {
        return None;
    }
    let bases: Vec<Key> = match (&filter.authors, filter.tags.as_slice()) {
        (None, []) => vec![Key::kind(Kind(0))],
        (Some(authors), []) => authors
            .iter()
            .map(|author| core.keys.author(author, Kind(0)))
            .collect(),
        (None, [tag]) => match tag.values.first() {
            // An event can have several values of a tag.
            Some(value) if tag.values.len() == 1 => vec![core.keys.tag(tag.letter, value, Kind(0))],
            _ => return None,
        },
        _ => return None,
    };
    if bases.len() * kinds.len() > KEYS {
        return None;
    }
    Some(
        bases
            .iter()
            .flat_map(|base| kinds.iter().map(|kind| base.with_kind(*kind)))
            .collect(),
    )
}

/// Events that match and have expired, but are not purged yet.
fn expired(core: &Core, filter: &Filter, now: Timestamp) -> u64 {
    let from = core
        .purged
        .load(std::sync::atomic::Ordering::Acquire)
        .saturating_sub(PURGE_SLACK);
    let snapshot = core.snapshot();
    let runs = snapshot.state.runs.iter();
    let late = runs.flat_map(|placed| placed.run.expiring(from, now.0));
    let matches = |number: &u64| {
        let json = snapshot.event(core, *number);
        json.is_some_and(|json| {
            EventView::from_canonical(&json).is_ok_and(|event| filter.matches(&event))
        })
    };
    late.filter(matches).count() as u64
}

/// The events under a key; their registers are merged into `registers`.
fn count_key(core: &Core, key: Key, hll: Option<usize>, registers: &mut Registers) -> u64 {
    let (ticket, snapshot) = {
        let mut counters = core.counters.lock();
        if key.index() == super::key::Index::Kind as u8 {
            return counters.of_kind(key.kind_of().0);
        }
        match counters.of_key(key, hll.map(|offset| (offset, &mut *registers))) {
            Ok(count) => return count,
            // Commits publish under this lock, so the snapshot is of the ticket's moment.
            Err(ticket) => (ticket, core.snapshot()),
        }
    };
    let mut count = 0;
    let mut own = Registers::default();
    for placed in &snapshot.state.runs {
        let rows = placed
            .run
            .postings(key)
            .iter()
            .filter_map(|rank| placed.run.row(*rank));
        for row in rows.filter(|row| snapshot.was_there(row.number)) {
            count += 1;
            if let Some(offset) = hll
                && let Some(json) = snapshot.event(core, row.number)
                && let Ok(view) = EventView::from_canonical(&json)
            {
                own.add(offset, &view.pubkey());
            }
        }
    }
    registers.merge(&own);
    core.counters
        .lock()
        .counted(ticket, count, hll.map(|_| &own));
    count
}

/// The answer by looking at every match.
fn by_scan(
    core: &Arc<Core>,
    query: &Query,
    viewer: &Viewer,
    hll: Option<usize>,
    wanted: Wanted<'_>,
) -> Result<Count, StoreError> {
    if let (None, [filter]) = (hll, &*query.filters)
        && let Some(count) = by_rows(core, filter, query, viewer, wanted)?
    {
        return Ok(Count { count, hll: None });
    }
    let unlimited = query
        .filters
        .iter()
        .map(|filter| Filter {
            limit: None,
            ..filter.clone()
        })
        .collect();
    let limits = ScanLimits {
        cap: 0,
        rows: query.limits.rows,
    };
    let mut scan = UnionScan::new(
        core.clone(),
        Query {
            filters: unlimited,
            limits,
            ..query.clone()
        },
    );
    let budget = Budget {
        events: 1024,
        bytes: usize::MAX,
        rows: ASK_EVERY,
    };
    let mut registers = Registers::default();
    let mut count = 0;
    loop {
        if !wanted() {
            return Err(StoreError::Abandoned);
        }
        let batch = scan.slice(viewer, budget)?;
        count += batch.events.len() as u64;
        if let Some(offset) = hll {
            for event in &batch.events {
                if let Ok(view) = EventView::from_canonical(&event.json) {
                    registers.add(offset, &view.pubkey());
                }
            }
        }
        if batch.end.is_some() {
            break;
        }
    }
    Ok(Count {
        count,
        hll: hll.map(|_| Box::new(registers.0)),
    })
}

/// The answer from the rows of the index alone; `None` when events have to be looked at.
fn by_rows(
    core: &Core,
    filter: &Filter,
    query: &Query,
    viewer: &Viewer,
    wanted: Wanted<'_>,
) -> Result<Option<u64>, StoreError> {
    let open = |kind: u16| viewer.is_operator() || viewer.rules.is_open(Kind(kind));
    if filter.ids.is_some() || filter.matches_nothing() {
        return Ok(None);
    }
    let snapshot = core.snapshot();
    let window = Window::of(filter, query.before.map_or(u64::MAX, |before| before.0));
    let unlimited = Filter {
        limit: None,
        ..filter.clone()
    };
    let plan = plan(core, &snapshot, &unlimited, &window);
    if plan.checks.event {
        return Ok(None);
    }
    let mut cursor = Cursor::new(&snapshot.state, plan.lists);
    let (mut count, mut rows) = (0u64, 0u64);
    while let Some(row) = cursor.next(&snapshot.state) {
        rows += 1;
        if rows.is_multiple_of(ASK_EVERY) && !wanted() {
            return Err(StoreError::Abandoned);
        }
        if query.limits.rows > 0 && rows > query.limits.rows {
            return Err(StoreError::TooExpensive {
                spent: rows,
                allowed: query.limits.rows,
            });
        }
        if row.number >= window.before || !plan.checks.pass(row) || !snapshot.is_there(row.number) {
            continue;
        }
        let plain = open(row.kind) && row.flags & EXPIRES == 0;
        count += u64::from(plain || looked_at(core, &snapshot, row, filter, query, viewer));
    }
    Ok(Some(count))
}

/// Judges an event that is not for everybody or not for ever.
fn looked_at(
    core: &Core,
    snapshot: &Snapshot,
    row: &Row,
    filter: &Filter,
    query: &Query,
    viewer: &Viewer,
) -> bool {
    let Some(json) = snapshot.event(core, row.number) else {
        return false;
    };
    let Ok(event) = EventView::from_canonical(&json) else {
        return false;
    };
    event.expiration().is_none_or(|at| at > query.now)
        && stentor_event::visible(&event, viewer, filter)
}
