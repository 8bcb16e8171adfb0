//! Random use of a store, with notes of what it acknowledged.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustix::io::Errno;
use stentor_event::{Event, Kind, SecretKey, Timestamp, Viewer};

use super::check::Found;
use super::dice::Dice;
use super::platter::Platter;
use super::tape::{Op, Tape};
use crate::embedded::watch::Act;
use crate::embedded::{Options, Store};
use crate::{Change, ChangeKind, EventStore, Outcome, Refusal, Seq, StoreError, Submission};

/// The time when a workload begins; it advances by a second with each step.
pub const BEGIN: u64 = 1_000_000;

static PEOPLE: LazyLock<[SecretKey; 4]> =
    LazyLock::new(|| [1, 2, 3, 4].map(|byte| SecretKey::from_bytes([byte; 32]).unwrap()));

/// Options under which everything happens soon.
pub fn options() -> Options {
    Options {
        verifiers: 1,
        flush_events: 8,
        segment_bytes: 24 << 10,
        ..Options::default()
    }
}

/// Runs a future to its end.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// An entry of the feed, as far as it must be the same for ever.
pub type Entry = (u64, u64, ChangeKind);

/// What was known when an operation was acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// The length of the recording.
    pub position: usize,
    /// The newest position of the feed.
    pub seq: u64,
    /// The cursors.
    pub cursors: BTreeMap<String, u64>,
}

/// What happened.
pub struct History {
    /// The folder.
    pub root: PathBuf,
    /// The disk before.
    pub platter: Platter,
    /// What was done to it.
    pub ops: Vec<Op>,
    /// The feed at the end.
    pub feed: Vec<Entry>,
    /// All events that were ever stored, by number.
    pub events: BTreeMap<u64, Event>,
    /// After each operation.
    pub marks: Vec<Mark>,
}

/// A store in random use.
pub struct Workload<'a> {
    dice: &'a mut Dice,
    root: PathBuf,
    tape: Arc<Tape>,
    store: Option<Store>,
    now: u64,
    platter: Platter,
    events: BTreeMap<u64, Event>,
    marks: Vec<Mark>,
    cursors: BTreeMap<String, u64>,
    /// Whether the disk fails now and then.
    bad_disk: bool,
}

impl<'a> Workload<'a> {
    /// Opens the store in this folder, in which this was found.
    pub fn begin(root: &Path, dice: &'a mut Dice, found: Found) -> Self {
        std::fs::create_dir_all(root).unwrap();
        let platter = found.platter.unwrap_or_else(|| Platter::new(root));
        let tape = Tape::start(root, &platter);
        let mut workload = Self {
            root: root.to_path_buf(),
            tape,
            store: None,
            now: BEGIN + found.events.len() as u64,
            platter,
            events: found.events,
            cursors: found.mark.cursors.clone(),
            bad_disk: false,
            marks: vec![found.mark],
            dice,
        };
        workload.store = Some(Store::open(root, options()).unwrap());
        workload.mark();
        workload
    }

    /// Uses the store so often, closes it and returns what happened.
    pub fn run(mut self, steps: usize) -> History {
        for _ in 0..steps {
            self.step();
            self.mark();
        }
        self.tape.heal();
        let feed = feed_of(self.store());
        self.store = None;
        History {
            ops: self.tape.stop(),
            root: self.root,
            platter: self.platter,
            feed,
            events: self.events,
            marks: self.marks,
        }
    }

    /// Lets anything fail at any time, but for the sync of the log, after which it would only be read.
    pub fn on_a_bad_disk(mut self) -> Self {
        self.bad_disk = true;
        self.spoil();
        self
    }

    fn spoil(&mut self) {
        let mut dice = Dice(self.dice.roll());
        self.tape.fail(move |path, act| {
            let log = path.extension().is_some_and(|extension| extension == "log");
            let poison = log && matches!(act, Act::Sync | Act::Resize(_));
            // Words in a map do not fail.
            let word = matches!(act, Act::Write { bytes, .. } if bytes.len() == 8);
            let errno = *dice.pick(&[Errno::NOSPC, Errno::IO]);
            let errno = if log { Errno::NOSPC } else { errno };
            (!poison && !word && dice.one_in(12)).then_some(errno)
        });
    }

    /// Opens the store again. That needs a disk that works.
    fn reopen(&mut self, open: impl FnOnce(&Path, Options) -> Result<Store, StoreError>) {
        self.store = None;
        self.tape.heal();
        self.store = Some(open(&self.root, options()).unwrap());
        if self.bad_disk {
            self.spoil();
        }
    }

    /// Whether something was done. Only a bad disk may prevent it.
    fn done<T>(&self, result: Result<T, StoreError>) -> bool {
        match result {
            Ok(_) => true,
            Err(StoreError::DiskFull { .. } | StoreError::Io { .. }) if self.bad_disk => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn mark(&mut self) {
        let mark = Mark {
            // In this order: at this position, at least that was acknowledged.
            seq: self.store().last_seq().0,
            position: self.tape.position(),
            cursors: self.cursors.clone(),
        };
        self.marks.push(mark);
    }

    fn step(&mut self) {
        self.now += 1;
        let store = self.store.as_ref().unwrap();
        match self.dice.below(32) {
            0 => {
                let name = format!("reader {}", self.dice.below(3));
                let seq = self.dice.below(store.last_seq().0 as usize + 1) as u64;
                if self.done(wait(store.set_cursor(&name, Seq(seq)))) {
                    self.cursors.insert(name, seq);
                }
            }
            1 => drop(self.done(store.flush())),
            2 => drop(self.done(wait(store.compact(10, &|_, _| ControlFlow::Continue(()))))),
            3 => drop(self.done(wait(store.purge(Timestamp(self.now))))),
            4 => {
                let ids = [(); 3].map(|()| some(&self.events, self.dice).map(Event::id));
                let ids: Vec<_> = ids.into_iter().flatten().collect();
                self.done(wait(store.remove(&ids)));
            }
            5 => self.reopen(Store::open),
            6 if self.dice.one_in(3) => self.reopen(Store::reindex),
            7 => self.submit_together(3),
            _ => self.submit_together(1),
        }
    }

    /// Submits some batches at the same time.
    fn submit_together(&mut self, count: usize) {
        let batches: Vec<Vec<Event>> = (0..count).map(|_| self.batch()).collect();
        let store = self.store.as_ref().unwrap();
        let now = Timestamp(self.now);
        let submitted = batches.iter().map(|batch| {
            let verified = self.dice.one_in(2);
            let submission = |event: &Event| Submission {
                event: event.clone(),
                verified,
            };
            store.submit(batch.iter().map(submission).collect(), now)
        });
        let outcomes = wait(futures(submitted.collect()));
        for (batch, outcomes) in batches.iter().zip(outcomes) {
            for (event, outcome) in batch.iter().zip(outcomes.unwrap()) {
                match outcome {
                    Outcome::Stored(number) => drop(self.events.insert(number.0, event.clone())),
                    Outcome::Refused(Refusal::Unavailable(why)) => assert!(self.bad_disk, "{why}"),
                    _ => {}
                }
            }
        }
    }

    fn batch(&mut self) -> Vec<Event> {
        let most = if self.dice.one_in(6) { 12 } else { 3 };
        (0..=self.dice.below(most)).map(|_| self.event()).collect()
    }

    fn event(&mut self) -> Event {
        let dice = &mut *self.dice;
        if dice.one_in(12)
            && let Some(event) = some(&self.events, dice)
        {
            return event.clone();
        }
        let (mut tags, mut at) = (Vec::new(), self.now - dice.below(50) as u64);
        let mut tag = |name: &str, value: String| tags.push(vec![name.to_owned(), value]);
        let kind = match dice.below(20) {
            0..8 => 1,
            8..11 => 0,
            11..15 => {
                tag("d", dice.below(3).to_string());
                30_023
            }
            15 | 16 => {
                for _ in 0..=dice.below(3) {
                    if let Some(event) = some(&self.events, dice) {
                        tag("e", event.id().to_string());
                    }
                }
                5
            }
            17 => {
                tag("p", dice.pick(&*PEOPLE).public_key().to_string());
                1059
            }
            18 => {
                tag("expiration", (self.now + dice.below(30) as u64).to_string());
                1
            }
            _ if dice.one_in(8) => {
                tag("relay", "ALL_RELAYS".to_owned());
                at -= 15;
                62
            }
            _ => 20_001,
        };
        let length = match dice.below(8) {
            0 => dice.below(6_000),
            _ => dice.below(300),
        };
        let content = format!("{}{}", dice.roll(), "x".repeat(length));
        stentor_event::sign(
            dice.pick(&*PEOPLE),
            Timestamp(at),
            Kind(kind),
            &tags,
            &content,
        )
    }
}

fn some<'a>(events: &'a BTreeMap<u64, Event>, dice: &mut Dice) -> Option<&'a Event> {
    let recent = events.len().min(60);
    let back = dice.below(recent.max(1));
    events.values().rev().nth(back)
}

/// Waits for all of these.
async fn futures<T>(all: Vec<crate::query::BoxFuture<'_, T>>) -> Vec<T> {
    let mut all: Vec<_> = all.into_iter().map(Some).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, result) in all.iter_mut().zip(&mut done) {
            if let Some(running) = future
                && let std::task::Poll::Ready(value) = running.as_mut().poll(context)
            {
                (*result, *future) = (Some(value), None);
            }
        }
        if all.iter().all(Option::is_none) {
            let results = std::mem::take(&mut done);
            return std::task::Poll::Ready(results.into_iter().flatten().collect());
        }
        std::task::Poll::Pending
    })
    .await
}

/// The whole feed of a store.
pub fn feed_of(store: &Store) -> Vec<Entry> {
    let mut feed: Vec<Entry> = Vec::new();
    loop {
        let after = Seq(feed.last().map_or(0, |(seq, ..)| *seq));
        let part = wait(store.changes(after, 1_000, &Viewer::operator(), Timestamp(0))).unwrap();
        if part.is_empty() {
            return feed;
        }
        let entry = |change: &Change| (change.seq.0, change.number.0, change.kind);
        feed.extend(part.iter().map(entry));
    }
}
