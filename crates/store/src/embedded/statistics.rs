//! Figures about a store.

use std::collections::BTreeMap;

use super::core::Core;
use super::log::HEADER;
use crate::Statistics;

/// Figures as of now.
pub fn statistics(core: &Core) -> Statistics {
    let snapshot = core.snapshot();
    let (by_kind, logged): (BTreeMap<u16, u64>, i64) = {
        let counters = core.counters.lock();
        let logged = counters.live_bytes().values().sum();
        (counters.kinds().collect(), logged)
    };
    let events: u64 = by_kind.values().sum();
    let logged = logged.max(0) as u64;
    let runs = &snapshot.state.runs;
    let in_memory = |placed: &&super::state::Placed| placed.run.image().in_memory();
    let on_disk: u64 = runs
        .iter()
        .filter(|p| !in_memory(p))
        .map(|p| p.run.image().len() as u64)
        .sum();
    let log = core.log.disk_bytes();
    let disk_bytes = [
        ("log", log),
        ("index", on_disk),
        ("locator", core.locator.bytes()),
        ("feed", core.feed.bytes()),
    ];
    Statistics {
        events,
        live_bytes: logged.saturating_sub(events * HEADER as u64),
        last_number: snapshot.state.end.next_number.saturating_sub(1),
        last_seq: snapshot.state.end.next_seq.saturating_sub(1),
        disk_bytes: disk_bytes
            .into_iter()
            .map(|(part, bytes)| (part.to_owned(), bytes))
            .collect(),
        by_kind,
        runs: runs.len() as u64,
        unflushed: runs
            .iter()
            .filter(in_memory)
            .map(|placed| placed.run.len() as u64)
            .sum(),
        dead_bytes: log.saturating_sub(logged),
        readers: core.cursors.lock().clone(),
    }
}
