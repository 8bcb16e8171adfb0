//! Closing a store and opening it again.

use std::os::unix::fs::PermissionsExt;

use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, Keep, Seq, StoreError};

use super::house::{House, note_of, notes, options, wait};

#[test]
fn a_store_that_was_dropped_is_as_it_was() {
    let mut house = House::with_notes(100);
    house.remove(&notes(10..20));
    let content = house.content();
    house.close();
    house.open();
    assert_eq!(house.content(), content);
    house.is_clean();
    assert_eq!(house.store_one(&note_of(100)), 101);
}

#[test]
fn a_store_that_was_killed_is_as_it_was() {
    let house = House::with_notes(50);
    house.store().flush().unwrap();
    house.submit(&notes(50..80));
    house.remove(&notes(10..60));
    let mut killed = house.killed();
    killed.open();
    assert_eq!(killed.content(), house.content());
    killed.is_clean();
    assert_eq!(killed.store_one(&note_of(80)), 81);
}

#[test]
fn an_empty_store() {
    let mut house = House::new();
    for _ in 0..3 {
        assert_eq!(house.store().next_number().0, 1);
        assert_eq!(house.store().last_seq(), Seq(0));
        assert!(house.content().events.is_empty());
        house.store().flush().unwrap();
        assert_eq!(house.compact(), 0);
        house.is_clean();
        house.open();
    }
    house.reindex();
    assert_eq!(house.store_one(&note_of(0)), 1);
}

#[test]
fn a_store_that_was_emptied() {
    let mut house = House::with_notes(60);
    house.remove(&notes(0..60));
    assert!(house.compact() > 0);
    house.open();
    assert!(house.content().events.is_empty());
    assert_eq!(house.content().feed.len(), 120);
    house.is_clean();
    assert_eq!(house.store_one(&note_of(0)), 61);
}

#[test]
fn readers_of_the_feed_find_their_place() {
    let mut house = House::with_notes(5);
    let set = |house: &House, name: &str, seq| {
        wait(house.store().set_cursor(name, Seq(seq))).unwrap();
    };
    set(&house, "one", 1);
    set(&house, "two", 2);
    house.store().flush().unwrap();
    set(&house, "two", 5);
    set(&house, "three", 3);
    let expect = |house: &House| {
        let places = ["one", "two", "three", "four"].map(|name| house.store().cursor(name));
        assert_eq!(places, [Some(Seq(1)), Some(Seq(5)), Some(Seq(3)), None]);
    };
    let mut killed = house.killed();
    killed.open();
    expect(&killed);
    house.open();
    expect(&house);
    house.reindex();
    expect(&house);
    house.compact();
    house.reindex();
    expect(&house);
    assert_eq!(house.store_one(&note_of(5)), 6);
}

#[test]
fn a_store_is_kept_as_it_was_made() {
    let mut house = House::with_notes(3);
    house.close();
    let options = Options {
        keep: Keep::History,
        ..options()
    };
    let refused = Store::open(house.path(), options).err();
    assert!(matches!(
        refused,
        Some(StoreError::KeepMismatch { found: "current", asked: "history", ref path }) if path == house.path()
    ));
    house.open();
}

#[test]
fn a_newer_format_is_left_alone() {
    let mut house = House::with_notes(3);
    house.close();
    house.edit_manifest(|manifest| {
        manifest["format"] = 2.into();
        manifest["runs"] = "something else".into();
    });
    let refused = house.try_open();
    assert!(matches!(
        refused,
        Err(StoreError::Newer { found: 2, supported: 1, ref path }) if path == house.path()
    ));
    house.edit_manifest(|manifest| {
        manifest["format"] = 1.into();
        manifest["runs"] = serde_json::json!([]);
        manifest["checkpoint"] =
            serde_json::json!({"address": null, "next_number": 1, "next_seq": 1});
    });
    house.open();
    assert_eq!(house.content().events.len(), 3);
}

#[test]
fn r5_5_an_older_format_is_not_taken_for_this_one() {
    let mut house = House::with_notes(3);
    house.close();
    house.edit_manifest(|manifest| manifest["format"] = 0.into());
    let Err(refused) = house.try_open() else {
        panic!("it is opened");
    };
    assert!(matches!(
        &refused,
        StoreError::Older { found: 0, supported: 1, path } if path == house.path()
    ));
    let text = refused.to_string();
    assert!(text.contains("stentor export"), "{text}");
    assert!(Store::check(house.path(), &options()).is_err());
    house.edit_manifest(|manifest| manifest["format"] = 1.into());
    Store::check(house.path(), &options()).unwrap();
    house.open();
}

/// Private messages are in these files.
#[test]
fn r2_only_the_owner_reads_what_is_made() {
    let mut house = House::with_notes(3);
    house.close();
    let mut folders = vec![house.path().to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            if entry.file_type().unwrap().is_dir() {
                assert_eq!(mode, 0o700, "{entry:?}");
                folders.push(entry.path());
            } else {
                assert_eq!(mode, 0o600, "{entry:?}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "log, index, manifest, locator, feed: {seen}");
}

/// Larger than a segment of the log, alone or with what it removes.
#[test]
fn a_commit_of_any_size() {
    let mut house = House::with_notes(3);
    let large = crate::common::make::note(crate::common::make::Bob, 5, &"y".repeat(100_000));
    house.store_one(&large);
    house.submit(&notes(3..300));
    house.remove(&notes(0..300));
    let content = house.content();
    assert_eq!(content.events.len(), 1);
    house.is_clean();
    let mut killed = house.killed();
    killed.open();
    assert_eq!(killed.content(), content);
    house.open();
    assert_eq!(house.content(), content);
    house.is_clean();
    house.compact();
    assert_eq!(house.content(), content);
    house.is_clean();
}

#[test]
fn after_closing_nothing_is_taken() {
    let house = House::with_notes(3);
    wait(house.store().close()).unwrap();
    wait(house.store().close()).unwrap();
    let cursor = wait(house.store().set_cursor("reader", Seq(1)));
    assert!(matches!(cursor, Err(StoreError::Closed)));
    assert!(wait(house.store().remove(&[note_of(1).id()])).is_err());
    assert_eq!(house.content().events.len(), 3);
}
