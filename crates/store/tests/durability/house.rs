//! A store in a folder, with access to its files.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use stentor_event::{Event, EventId, Filter, Timestamp, Viewer};
use stentor_store::embedded::{Options, Store, Verification};
use stentor_store::{
    ChangeKind, EventNumber, EventStore, Outcome, Query, Seq, StoreError, Submission,
};
use tempfile::TempDir;

use crate::common::make::{Alice, note};
use crate::common::subject::{NO_LIMITS, NOW, WHOLE};

/// Options under which everything happens soon.
pub fn options() -> Options {
    Options {
        verifiers: 1,
        segment_bytes: 16 << 10,
        ..Options::default()
    }
}

/// A store in a folder of its own.
pub struct House {
    // Dropped before the folder.
    store: Option<Store>,
    folder: TempDir,
    options: Options,
}

/// An entry of the feed.
pub type Entry = (u64, u64, ChangeKind, Option<EventId>, u64);

/// What can be asked of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The events, by number.
    pub events: BTreeMap<u64, Bytes>,
    /// The feed.
    pub feed: Vec<Entry>,
    /// The next number.
    pub next: EventNumber,
}

impl House {
    /// An empty store.
    pub fn new() -> Self {
        Self::opened_with(options())
    }

    /// An empty store with these options.
    pub fn opened_with(options: Options) -> Self {
        let folder = scratch();
        let store = Some(Store::open(folder.path(), options.clone()).unwrap());
        Self {
            store,
            folder,
            options,
        }
    }

    /// A store with so many notes, each in a commit of its own.
    pub fn with_notes(count: u64) -> Self {
        let house = Self::new();
        for number in 0..count {
            house.store_one(&note_of(number));
        }
        house
    }

    /// What another process would find if this one were killed now.
    pub fn killed(&self) -> Self {
        let folder = scratch();
        copy(self.path(), folder.path());
        Self {
            store: None,
            folder,
            options: self.options.clone(),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The open store.
    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Closes the store without a word.
    pub fn close(&mut self) {
        self.store = None;
    }

    /// Opens the store (again).
    pub fn open(&mut self) {
        self.try_open().unwrap();
    }

    /// Tries to.
    pub fn try_open(&mut self) -> Result<(), StoreError> {
        self.store = None;
        self.store = Some(Store::open(self.path(), self.options.clone())?);
        Ok(())
    }

    /// Closes the store and builds anew what is derived.
    pub fn reindex(&mut self) {
        self.store = None;
        self.store = Some(Store::reindex(self.path(), self.options.clone()).unwrap());
    }

    /// Submits events whose signatures are known to be right.
    pub fn submit(&self, events: &[Event]) -> Vec<Outcome> {
        let submission = |event: &Event| Submission {
            event: event.clone(),
            verified: true,
        };
        let batch = events.iter().map(submission).collect();
        wait(self.store().submit(batch, Timestamp(NOW))).unwrap()
    }

    /// Submits an event, which must be stored.
    pub fn store_one(&self, event: &Event) -> u64 {
        match self.submit(std::slice::from_ref(event)).remove(0) {
            Outcome::Stored(number) => number.0,
            other => panic!("{other:?}"),
        }
    }

    /// Removes events as the operator.
    pub fn remove(&self, events: &[Event]) {
        let ids: Vec<EventId> = events.iter().map(Event::id).collect();
        assert_eq!(wait(self.store().remove(&ids)).unwrap(), ids.len() as u64);
    }

    /// Gives back all that can be given back; returns the bytes won.
    pub fn compact(&self) -> u64 {
        wait(self.store().compact(1, &|_, _| ControlFlow::Continue(()))).unwrap()
    }

    /// Reads everything.
    pub fn verify(&self) -> Verification {
        self.store()
            .verify(false, &|_, _| ControlFlow::Continue(()))
            .unwrap()
    }

    /// Nothing is wrong.
    pub fn is_clean(&self) {
        let found = self
            .store()
            .verify(true, &|_, _| ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(found.faults, 0, "{:#?}", found.listed);
        assert_eq!(found.events, self.store().statistics().events);
        assert_eq!(found.signatures, found.events);
    }

    /// Everything that is in it.
    pub fn content(&self) -> Content {
        Content {
            events: self.events(),
            feed: self.feed(),
            next: self.store().next_number(),
        }
    }

    fn events(&self) -> BTreeMap<u64, Bytes> {
        let query = Query {
            filters: Arc::from([Filter::default()]),
            now: Timestamp(NOW),
            before: None,
            limits: NO_LIMITS,
        };
        let mut scan = self.store().scan(query);
        let batch = wait(scan.next(&Viewer::operator(), WHOLE)).unwrap();
        assert!(batch.end.is_some());
        let events = batch.events.into_iter();
        events
            .map(|stored| (stored.number.0, stored.json))
            .collect()
    }

    fn feed(&self) -> Vec<Entry> {
        let mut feed: Vec<Entry> = Vec::new();
        loop {
            // Others may be writing.
            let least = self.store().last_seq().0;
            let after = Seq(feed.last().map_or(0, |entry| entry.0));
            let (viewer, now) = (Viewer::operator(), Timestamp(NOW));
            let changes = self.store().changes(after, usize::MAX, &viewer, now);
            let changes = wait(changes).unwrap();
            if changes.is_empty() {
                assert!(feed.len() as u64 >= least, "{} of {least}", feed.len());
                return feed;
            }
            let entry =
                |c: &stentor_store::Change| (c.seq.0, c.number.0, c.kind, c.id, c.committed_ms);
            feed.extend(changes.iter().map(entry));
        }
    }

    /// The files of the log, oldest first.
    pub fn log(&self) -> Vec<PathBuf> {
        files(&self.path().join("log"))
    }

    /// The files of the index.
    pub fn index(&self) -> Vec<PathBuf> {
        files(&self.path().join("index"))
    }

    /// Bytes of the log.
    pub fn log_bytes(&self) -> u64 {
        let lengths = self
            .log()
            .into_iter()
            .map(|path| path.metadata().unwrap().len());
        lengths.sum()
    }

    /// Changes the manifest of a closed store.
    pub fn edit_manifest(&self, edit: impl FnOnce(&mut serde_json::Value)) {
        let path = self.path().join("MANIFEST");
        let text = fs::read_to_string(&path).unwrap();
        let mut json = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        edit(&mut json);
        let json = json.to_string();
        let checksum = crc32c::crc32c(json.as_bytes());
        fs::write(path, format!("{json}\n{checksum:08x}\n")).unwrap();
    }

    /// Changes a file of a closed store.
    pub fn edit(&self, path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut content = fs::read(path).unwrap();
        edit(&mut content);
        fs::write(path, content).unwrap();
    }
}

/// Runs a future to its end.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// The note of this number.
pub fn note_of(number: u64) -> Event {
    let content = format!("note {number} {}", "x".repeat(number as usize * 31 % 400));
    note(Alice, 1_000 + number, &content)
}

/// The notes of these numbers.
pub fn notes(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(note_of).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A folder in memory where there is such a thing, so that nothing waits for a disk.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        return tempfile::tempdir_in(memory).unwrap();
    }
    tempfile::tempdir().unwrap()
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
