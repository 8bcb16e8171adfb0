//! Disks that are full, and disks that fail.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use stentor_event::{Event, Kind, SecretKey, Timestamp};
use tempfile::TempDir;

use super::check::{Found, clean, everything};
use super::cuts::{EACH, cut_and_check, moments, positions};
use super::dice::{Dice, scratch, seed, store_in};
use super::platter::{Cut, Platter};
use super::tape::Tape;
use super::workload::{BEGIN, Workload, options, wait};
use crate::embedded::Store;
use crate::embedded::watch::Act;
use crate::{EventStore, Outcome, Refusal, Seq, StoreError, Submission};

/// A store whose disk can be made to fail.
struct Subject {
    folder: TempDir,
    platter: Platter,
    tape: Arc<Tape>,
    store: Option<Store>,
    stored: Vec<Event>,
}

impl Subject {
    fn new() -> Self {
        let folder = scratch();
        let root = store_in(&folder);
        std::fs::create_dir_all(&root).unwrap();
        let platter = Platter::new(&root);
        let tape = Tape::start(&root, &platter);
        let store = Some(Store::open(&root, options()).unwrap());
        let mut subject = Self {
            folder,
            platter,
            tape,
            store,
            stored: Vec::new(),
        };
        (0..20).for_each(|_| subject.stores());
        subject
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn submit(&self, event: &Event) -> Outcome {
        let submission = Submission {
            event: event.clone(),
            verified: false,
        };
        wait(self.store().submit(vec![submission], Timestamp(BEGIN)))
            .unwrap()
            .remove(0)
    }

    /// An event is stored.
    fn stores(&mut self) {
        let event = note(self.stored.len());
        assert!(matches!(self.submit(&event), Outcome::Stored(_)));
        self.stored.push(event);
    }

    /// An event is not stored, for this reason.
    fn refuses(&self, reason: &str) {
        match self.submit(&note(self.stored.len())) {
            Outcome::Refused(Refusal::Unavailable(why)) => {
                assert!(why.contains(reason), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }

    fn fail(&self, errno: Errno, mut whether: impl FnMut(&Path, Act<'_>) -> bool + Send + 'static) {
        self.tape
            .fail(move |path, act| whether(path, act).then_some(errno));
    }

    /// Exactly what was acknowledged is there, and nothing is wrong with it.
    fn is_whole(&self) {
        let found: Vec<_> = everything(self.store()).into_values().collect();
        let stored: Vec<_> = self
            .stored
            .iter()
            .map(|event| event.json().clone())
            .collect();
        assert_eq!(found, stored);
        clean(self.store());
    }

    fn reopen(&mut self) {
        self.store = None;
        let root = store_in(&self.folder);
        self.store = Some(Store::open(&root, options()).unwrap());
    }

    /// What is there after a power cut.
    fn after(&mut self, cut: Cut) -> (Store, TempDir) {
        let root = store_in(&self.folder);
        for op in self.tape.take() {
            self.platter.apply(&op);
        }
        let folder = scratch();
        let to = store_in(&folder);
        self.platter.cut(cut, &mut Dice(1), &root, &to);
        (Store::open(&to, options()).unwrap(), folder)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.tape.heal();
        self.store = None;
        self.tape.stop();
    }
}

fn note(number: usize) -> Event {
    let secret = SecretKey::from_bytes([7; 32]).unwrap();
    // Newest first is how they are found.
    let at = Timestamp(BEGIN - 1 + number as u64);
    stentor_event::sign(&secret, at, Kind(1), &[], &"x".repeat(number * 37 % 900))
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

fn is_write(act: Act<'_>) -> bool {
    !matches!(
        act,
        Act::Sync | Act::SyncFolder | Act::Resize(_) | Act::Remove
    )
}

#[test]
fn writing_goes_on_when_a_full_disk_has_room_again() {
    let mut subject = Subject::new();
    for round in 0..60 {
        subject.fail(Errno::NOSPC, |path, act| is_log(path) && is_write(act));
        // Without a new segment or new blocks only the write itself can fail.
        subject.refuses("full");
        subject.refuses("full");
        assert!(matches!(
            wait(subject.store().set_cursor("reader", Seq(round))),
            Err(StoreError::DiskFull { .. })
        ));
        assert_eq!(
            subject.store().cursor("reader"),
            round.checked_sub(1).map(Seq)
        );
        subject.is_whole();
        subject.tape.heal();
        wait(subject.store().set_cursor("reader", Seq(round))).unwrap();
        subject.stores();
        subject.is_whole();
    }
    // No attempt has left a file behind, which opening would remove.
    let log = store_in(&subject.folder).join("log");
    let files = || std::fs::read_dir(&log).unwrap().count();
    let before = files();
    subject.reopen();
    assert_eq!(files(), before);
    subject.is_whole();
    assert_eq!(subject.store().cursor("reader"), Some(Seq(59)));
}

#[test]
fn an_index_that_finds_no_room_is_written_later() {
    let mut subject = Subject::new();
    subject.fail(Errno::NOSPC, |path, act| !is_log(path) && is_write(act));
    for _ in 0..30 {
        subject.stores();
    }
    assert!(matches!(
        subject.store().flush(),
        Err(StoreError::DiskFull { .. })
    ));
    assert!(
        wait(
            subject
                .store()
                .compact(1, &|_, _| ControlFlow::Continue(()))
        )
        .is_err()
    );
    subject.is_whole();
    subject.tape.heal();
    wait(
        subject
            .store()
            .compact(1, &|_, _| ControlFlow::Continue(())),
    )
    .unwrap();
    assert_eq!(subject.store().statistics().unflushed, 0);
    subject.is_whole();
    subject.reopen();
    subject.is_whole();
}

#[test]
fn a_failed_sync_of_the_log_makes_the_store_read_only() {
    let mut subject = Subject::new();
    subject.fail(Errno::IO, |path, act| {
        is_log(path) && matches!(act, Act::Sync)
    });
    subject.refuses("syncing");
    subject.tape.heal();
    subject.refuses("read-only");
    let cursor = wait(subject.store().set_cursor("reader", Seq(1)));
    assert!(matches!(cursor, Err(StoreError::Poisoned(_))));
    subject.is_whole();
    subject.reopen();
    // Whether it is there was not known.
    let event = note(subject.stored.len());
    let outcome = subject.submit(&event);
    assert!(matches!(outcome, Outcome::Stored(_) | Outcome::Duplicate));
    subject.stored.push(event);
    subject.stores();
    subject.is_whole();
}

/// A system that could not write something takes it for written all the same, and the next process reads it. It must not
/// be found before it is on the disk.
#[test]
fn what_a_failed_sync_left_behind_is_made_durable_before_it_is_found() {
    let mut subject = Subject::new();
    // The process ends without tidying up.
    subject.fail(Errno::IO, |path, act| {
        is_log(path) && matches!(act, Act::Sync | Act::Resize(_))
    });
    subject.refuses("syncing");
    let event = note(subject.stored.len());
    subject.store = None;
    subject.tape.heal();
    subject.reopen();
    let found = everything(subject.store());
    assert!(found.values().any(|json| json == event.json()));
    let (store, _folder) = subject.after(Cut::Nothing);
    assert_eq!(everything(&store), found);
    clean(&store);
}

#[test]
fn a_failed_sync_of_the_index_is_made_up_for() {
    let mut subject = Subject::new();
    let derived = |path: &Path| path.ends_with("locator") || path.ends_with("feed");
    subject.fail(Errno::IO, move |path, act| {
        derived(path) && matches!(act, Act::Sync)
    });
    assert!(subject.store().flush().is_err());
    subject.tape.heal();
    subject.store().flush().unwrap();
    let (store, _folder) = subject.after(Cut::Nothing);
    let found: Vec<_> = everything(&store).into_values().collect();
    assert_eq!(found.len(), subject.stored.len());
    clean(&store);
}

/// The test of power cuts, on a disk where anything may fail at any time.
#[test]
fn what_was_acknowledged_by_a_failing_disk_outlives_a_power_cut() {
    let seed = seed();
    println!("seed {seed}: set STENTOR_SEED to repeat it");
    for round in 0..moments().div_ceil(EACH * 4) {
        let mut dice = Dice(seed ^ ((round as u64) << 32));
        let folder = scratch();
        let root = store_in(&folder);
        let workload = Workload::begin(&root, &mut dice, Found::default());
        let history = workload.on_a_bad_disk().run(70);
        for position in positions(&history, &mut dice, EACH) {
            cut_and_check(&history, &mut dice, position);
        }
    }
}
