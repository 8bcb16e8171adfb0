//! Backup while serving, and damaged or unfit targets.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stentor_event::Event;
use stentor_store::embedded::Store;
use stentor_store::{EventStore, StoreError};

use super::house::{House, note_of, notes, options, scratch, wait};

fn backed_up(house: &House) -> House {
    let mut copy = House::new();
    copy.close();
    let target = copy.path().join("backup");
    house
        .store()
        .backup(&target, &|_, _| ControlFlow::Continue(()))
        .unwrap();
    for entry in std::fs::read_dir(copy.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("backup") {
            continue;
        }
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    super::house::copy(&target, copy.path());
    std::fs::remove_dir_all(target).unwrap();
    copy.open();
    copy
}

#[test]
fn a_backup_is_the_store_as_of_its_moment() {
    let house = House::with_notes(100);
    house.remove(&notes(10..40));
    wait(house.store().set_cursor("reader", stentor_store::Seq(7))).unwrap();
    let mut copy = backed_up(&house);
    assert_eq!(copy.content(), house.content());
    assert_eq!(copy.store().cursor("reader"), Some(stentor_store::Seq(7)));
    copy.is_clean();
    house.compact();
    house.store_one(&note_of(100));
    let second = backed_up(&house);
    assert_eq!(second.content(), house.content());
    assert_eq!(copy.store_one(&note_of(100)), 101);
    copy.open();
    assert_eq!(copy.content().events, house.content().events);
    assert!(backed_up(&House::new()).content().events.is_empty());
}

/// A prefix of all commits: what was stored before it began is in it, and so is everything before what is in it.
#[test]
fn a_backup_while_others_write() {
    let house = House::with_notes(50);
    let (done, next) = (AtomicBool::new(false), AtomicU64::new(50));
    std::thread::scope(|scope| {
        // Ends the writer also when an assertion fails.
        let _done = SetOnDrop(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let number = next.load(Ordering::Acquire);
                let batch: Vec<Event> = notes(number..number + 3);
                house.submit(&batch);
                house.remove(&batch[..2]);
                next.store(number + 3, Ordering::Release);
                if number % 10 == 0 {
                    house.compact();
                }
            }
        });
        for _ in 0..12 {
            let before = next.load(Ordering::Acquire);
            let least = house.store().last_seq().0;
            let copy = backed_up(&house);
            let most = house.store().last_seq().0;
            copy.is_clean();
            let content = copy.content();
            assert!((least..=most).contains(&(content.feed.len() as u64)));
            let feed = house.content().feed;
            assert_eq!(content.feed, feed[..content.feed.len()]);
            let numbers: BTreeSet<u64> = content.events.keys().copied().collect();
            for number in 0..before {
                let there = number < 50 || number % 3 == 1;
                assert_eq!(numbers.contains(&(number + 1)), there, "{number}");
            }
        }
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_backup_goes_into_an_empty_folder() {
    let house = House::with_notes(3);
    let other = House::with_notes(1);
    assert!(
        house
            .store()
            .backup(other.path(), &|_, _| ControlFlow::Continue(()))
            .is_err()
    );
    assert_eq!(other.content().events.len(), 1);
    let folder = scratch();
    let told = AtomicU64::new(0);
    house
        .store()
        .backup(folder.path(), &|done, total| {
            assert!(done <= total);
            told.store(done, Ordering::Relaxed);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(told.load(Ordering::Relaxed) > 0);
    drop(Store::open(folder.path(), options()).unwrap());
}

#[test]
fn long_work_ends_when_it_is_told_to() {
    let house = House::with_notes(30);
    let stop = |_, _| ControlFlow::Break(());
    let folder = scratch();
    let copied = house.store().backup(folder.path(), &stop);
    assert!(matches!(copied, Err(StoreError::Interrupted)));
    let verified = house.store().verify(false, &stop);
    assert!(matches!(verified, Err(StoreError::Interrupted)));
    house.is_clean();
}
