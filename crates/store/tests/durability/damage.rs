//! Damaged files.

use std::path::Path;

use stentor_store::StoreError;

use super::house::{House, note_of, notes};

/// A store with its log in one file and nothing of it in the index, the lengths of the log after each of `count` commits.
fn commits(count: u64) -> (House, Vec<u64>) {
    let mut house = House::new();
    let mut ends = Vec::new();
    for number in 0..count {
        house.store_one(&note_of(number));
        // Closing cuts off the reserved space.
        house.open();
        house.close();
        ends.push(house.log_bytes());
        house.open();
    }
    house.close();
    forget_index(&house);
    (house, ends)
}

/// Everything is to be read from the log.
fn forget_index(house: &House) {
    house.edit_manifest(|manifest| {
        manifest["runs"] = serde_json::json!([]);
        manifest["checkpoint"] =
            serde_json::json!({"address": null, "next_number": 1, "next_seq": 1});
    });
}

#[test]
fn a_commit_cut_short_anywhere_never_was() {
    let (house, ends) = commits(4);
    let [.., before, last] = ends[..] else {
        panic!("{ends:?}");
    };
    let expected = notes(0..3);
    for length in before..last {
        let mut house = house.killed();
        house.edit(&house.log()[0], |content| content.truncate(length as usize));
        house.open();
        let found: Vec<_> = house.content().events.into_values().collect();
        let expected: Vec<_> = expected.iter().map(|event| event.json().clone()).collect();
        assert_eq!(found, expected, "cut at {length}");
        house.is_clean();
        assert_eq!(house.store_one(&note_of(9)), 4);
        house.open();
        assert_eq!(house.content().events.len(), 4);
    }
}

#[test]
fn a_flipped_bit_is_found_unless_it_is_in_the_last_commit() {
    let (house, ends) = commits(4);
    let path = house.log()[0].clone();
    for at in 0..ends[3] {
        let mut house = house.killed();
        let file = house.log()[0].clone();
        house.edit(&file, |content| content[at as usize] ^= 1 << (at % 8));
        let opened = house.try_open();
        if at >= ends[2] {
            opened.unwrap();
            assert_eq!(house.content().events.len(), 3);
            continue;
        }
        // The header has room for more.
        if (24..32).contains(&at) {
            opened.unwrap();
            continue;
        }
        let start = ends.iter().rev().find(|end| **end <= at).copied();
        let start = if at < 32 { 0 } else { start.unwrap_or(32) };
        match opened {
            Err(StoreError::Corrupt {
                path: named,
                offset,
                ..
            }) => {
                assert_eq!(named.file_name(), path.file_name());
                assert_eq!(offset, start, "the bit is at {at}");
            }
            other => panic!("bit at {at}: {other:?}"),
        }
    }
}

/// A commit that moves a reader's cursor adds nothing to the feed.
#[test]
fn a_damaged_cursor_is_not_taken_for_the_end_of_the_log() {
    let (mut house, ends) = commits(2);
    house.open();
    let seq = stentor_store::Seq(1);
    super::house::wait(stentor_store::EventStore::set_cursor(
        house.store(),
        "me",
        seq,
    ))
    .unwrap();
    house.store_one(&note_of(5));
    house.close();
    forget_index(&house);
    house.edit(&house.log()[0], |content| {
        content[ends[1] as usize + 20] ^= 1
    });
    let opened = house.try_open();
    assert!(matches!(opened, Err(StoreError::Corrupt { offset, .. }) if offset == ends[1]));
}

#[test]
fn what_was_checkpointed_cannot_be_missing() {
    let mut house = House::with_notes(100);
    house.close();
    let log = house.log();
    assert!(log.len() > 2);
    let newest = log.last().unwrap();
    let length = newest.metadata().unwrap().len();
    let mut cut = house.killed();
    cut.edit(&cut.log()[log.len() - 1], |content| {
        content.truncate(length as usize - 1);
    });
    let opened = cut.try_open();
    assert!(matches!(
        opened,
        Err(StoreError::Corrupt { ref path, offset, .. })
            if path.file_name() == newest.file_name() && offset == length - 1
    ));
    let mut gone = house.killed();
    std::fs::remove_file(&gone.log()[log.len() - 1]).unwrap();
    let opened = gone.try_open();
    assert!(matches!(
        opened,
        Err(StoreError::Corrupt { ref path, .. }) if path.file_name() == newest.file_name()
    ));
    // In the middle it is not looked for, but found missing.
    std::fs::remove_file(&house.log()[1]).unwrap();
    house.open();
    assert!(house.verify().faults > 0);
}

#[test]
fn a_damaged_manifest_is_not_believed() {
    let mut house = House::with_notes(3);
    house.close();
    let path = house.path().join("MANIFEST");
    house.edit(&path, |content| content[20] ^= 1);
    let opened = house.try_open();
    assert!(matches!(opened, Err(StoreError::Corrupt { path: named, .. }) if named == path));
}

/// Flips bits of a file that is derived, and expects that verification finds them and that rebuilding mends them.
fn found_and_mended(house: &House, file: impl Fn(&House) -> std::path::PathBuf, places: &[usize]) {
    let content = {
        let mut whole = house.killed();
        whole.open();
        whole.is_clean();
        whole.content()
    };
    for place in places {
        let mut damaged = house.killed();
        let path = file(&damaged);
        damaged.edit(&path, |content| content[*place] ^= 0x10);
        damaged.open();
        let found = damaged.verify();
        assert!(found.faults > 0, "{} at {place}", name(&path));
        damaged.reindex();
        damaged.is_clean();
        assert_eq!(damaged.content(), content);
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A closed store with events and removals in all its files.
fn settled() -> House {
    let mut house = House::with_notes(40);
    house.remove(&notes(5..15));
    house.close();
    house
}

#[test]
fn damage_in_the_locator_is_found() {
    // Words of an event that is there: its place, its segment, and whether it is gone; and one that is gone.
    found_and_mended(
        &settled(),
        |house| house.path().join("locator"),
        &[3 * 8, 3 * 8 + 4, 3 * 8 + 7, 8 * 8],
    );
}

#[test]
fn damage_in_the_feed_is_found() {
    // Number, cause and time of an arrival; number, cause and record of a removal.
    let places = [
        3 * 16,
        3 * 16 + 7,
        3 * 16 + 8,
        45 * 16,
        45 * 16 + 7,
        45 * 16 + 8,
    ];
    found_and_mended(&settled(), |house| house.path().join("feed"), &places);
}

#[test]
fn damage_in_the_index_is_found() {
    let house = settled();
    let length = house.index()[0].metadata().unwrap().len() as usize;
    let places: Vec<usize> = (128..length).step_by(131).collect();
    found_and_mended(&house, |house| house.index()[0].clone(), &places);
}

#[test]
fn damage_in_the_log_is_found() {
    let house = settled();
    let length = house.log()[0].metadata().unwrap().len() as usize;
    for place in (32..length).step_by(97) {
        let mut damaged = house.killed();
        let path = damaged.log()[0].clone();
        damaged.edit(&path, |content| content[place] ^= 0x10);
        damaged.open();
        assert!(damaged.verify().faults > 0, "at {place}");
    }
}
