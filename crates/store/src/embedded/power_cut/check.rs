//! Comparing a store with what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use stentor_event::{Event, Filter, Timestamp, Viewer};

use super::platter::Platter;
use super::workload::{Entry, History, Mark, feed_of, options, wait};
use crate::embedded::Store;
use crate::{Budget, ChangeKind, EventStore, Query, ScanLimits};

/// What was found in a store that passed.
#[derive(Default)]
pub struct Found {
    /// The disk that it lies on, if some of it may not be durable.
    pub platter: Option<Platter>,
    /// The events up to its moment, by number.
    pub events: BTreeMap<u64, Event>,
    /// Its feed.
    pub feed: Vec<Entry>,
    /// What of it is sure to be there for ever.
    pub mark: Mark,
}

/// Opens a folder as of this position of the recording: it must hold what was acknowledged by then, and of the rest what
/// was committed first.
pub fn check(folder: &Path, history: &History, position: usize) -> Found {
    let store = Store::open(folder, options()).expect("the store opens");
    let mut marks = history.marks.iter().rev();
    let acknowledged = marks.find(|mark| mark.position <= position).unwrap();
    let next = history.marks.iter().find(|m| m.position > position);
    let feed = feed_of(&store);
    let last = store.last_seq().0;
    assert_eq!(feed.len() as u64, last, "the feed is not dense");
    let least = acknowledged.seq;
    assert!(least <= last, "{least} acknowledged, {last} found");
    let most = next.map_or(u64::MAX, |mark| mark.seq);
    assert!(last <= most, "{most} committed at most, {last} found");
    assert_eq!(feed, history.feed[..feed.len()], "another feed");
    let last_number = store.next_number().0 - 1;
    let events: BTreeMap<u64, Event> = history
        .events
        .range(..=last_number)
        .map(|(number, event)| (*number, event.clone()))
        .collect();
    same_events(&store, &feed, &events);
    for (name, seq) in &acknowledged.cursors {
        let found = store.cursor(name).map(|seq| seq.0);
        let in_flight = next.and_then(|mark| mark.cursors.get(name)).copied();
        assert!(
            found == Some(*seq) || found == in_flight,
            "cursor {name}: {seq} acknowledged, {found:?} found"
        );
    }
    clean(&store);
    let cursors = history.marks.iter().flat_map(|mark| mark.cursors.keys());
    let cursors = cursors.filter_map(|name| Some((name.clone(), store.cursor(name)?.0)));
    let mark = Mark {
        position: 0,
        seq: last,
        cursors: cursors.collect(),
    };
    Found {
        platter: None,
        events,
        feed,
        mark,
    }
}

/// The events that the feed leaves must be those that are found.
fn same_events(store: &Store, feed: &[Entry], events: &BTreeMap<u64, Event>) {
    let mut there = BTreeSet::new();
    for (_, number, kind) in feed {
        match kind {
            ChangeKind::Added => assert!(there.insert(*number)),
            ChangeKind::Removed(_) => assert!(there.remove(number)),
        }
    }
    let found = everything(store);
    let numbers: BTreeSet<u64> = found.keys().copied().collect();
    assert_eq!(numbers, there);
    for (number, json) in &found {
        assert_eq!(events[number].json(), json);
    }
    assert_eq!(store.statistics().events, there.len() as u64);
}

/// All events that a scan finds, by number.
pub fn everything(store: &Store) -> BTreeMap<u64, bytes::Bytes> {
    let query = Query {
        filters: Arc::from([Filter::default()]),
        now: Timestamp(0),
        before: None,
        limits: ScanLimits { cap: 0, rows: 0 },
    };
    let whole = Budget {
        events: usize::MAX,
        bytes: usize::MAX,
        rows: u64::MAX,
    };
    let mut scan = store.scan(query);
    let batch = wait(scan.next(&Viewer::operator(), whole)).unwrap();
    assert!(batch.end.is_some());
    let found = batch.events.into_iter();
    found.map(|stored| (stored.number.0, stored.json)).collect()
}

/// Nothing is wrong with the store.
pub fn clean(store: &Store) {
    let verification = store
        .verify(true, &|_, _| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(verification.faults, 0, "{:#?}", verification.listed);
    assert_eq!(verification.events, store.statistics().events);
}
