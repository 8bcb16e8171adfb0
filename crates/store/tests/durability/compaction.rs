//! Giving back what belongs to events that are gone.

use std::fs;

use stentor_store::EventStore;

use super::house::{Content, House, note_of, notes};

/// A store of which two thirds are gone.
fn sparse() -> House {
    let house = House::with_notes(300);
    let gone: Vec<_> = notes(0..300)
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % 3 > 0)
        .map(|(_, event)| event)
        .collect();
    house.remove(&gone);
    house
}

fn check(house: &mut House, content: &Content) {
    assert_eq!(house.content(), *content);
    house.is_clean();
    house.open();
    assert_eq!(house.content(), *content);
    house.is_clean();
}

#[test]
fn space_is_given_back_and_nothing_else_changes() {
    let mut house = sparse();
    let content = house.content();
    house.store().flush().unwrap();
    let before = house.log_bytes();
    let won = house.compact();
    // The reserved blocks of the open segment are given back too, and not counted.
    assert!(won > 0 && house.log_bytes() <= before - won);
    let dead = house.store().statistics().dead_bytes;
    assert!(dead < house.log_bytes());
    check(&mut house, &content);
    // What is left are records that no compaction gives back.
    let files = house.log();
    assert_eq!(house.compact(), 0);
    assert_eq!(house.log(), files);
    check(&mut house, &content);
    assert_eq!(house.store_one(&note_of(300)), 301);
    house.reindex();
    assert_eq!(house.content().events.len(), content.events.len() + 1);
    house.is_clean();
}

#[test]
fn what_follows_a_compaction_of_everything_is_there() {
    let mut house = sparse();
    house.compact();
    let content = house.content();
    // Now the end of the log is in a copy.
    house.reindex();
    check(&mut house, &content);
    house.store_one(&note_of(300));
    let mut killed = house.killed();
    killed.open();
    assert_eq!(killed.content(), house.content());
    killed.is_clean();
    killed.store_one(&note_of(301));
    killed.open();
    assert_eq!(killed.content().events.len(), content.events.len() + 2);
    killed.compact();
    killed.reindex();
    assert_eq!(killed.content().events.len(), content.events.len() + 2);
    killed.is_clean();
}

#[test]
fn a_copy_is_compacted_again() {
    let mut house = sparse();
    house.compact();
    house.remove(&notes(0..300).into_iter().step_by(6).collect::<Vec<_>>());
    assert!(house.compact() > 0);
    let content = house.content();
    assert_eq!(content.events.len(), 50);
    check(&mut house, &content);
    house.reindex();
    check(&mut house, &content);
}

/// The files of a store before its first segment was replaced, and the store after it.
fn replaced() -> (House, House, String) {
    let mut house = sparse();
    house.close();
    let before = house.killed();
    house.open();
    house.compact();
    house.close();
    let old = before.log()[0].clone();
    let name = old.file_name().unwrap().to_string_lossy().into_owned();
    assert!(!house.path().join("log").join(&name).exists());
    (before, house, name)
}

/// The segment that is a copy of the first: its name and its id.
fn copy_of_first(house: &House) -> (std::path::PathBuf, u32) {
    let is_copy = |path: &std::path::PathBuf| {
        let content = fs::read(path).unwrap();
        let field = |at: usize| u32::from_le_bytes(content[at..at + 4].try_into().unwrap());
        (field(12) == 1).then(|| (path.clone(), field(8)))
    };
    house.log().iter().find_map(is_copy).unwrap()
}

#[test]
fn a_copy_that_was_not_put_in_place_is_removed() {
    let (mut before, house, _) = replaced();
    let (copy, _) = copy_of_first(&house);
    let target = before.path().join("log").join(copy.file_name().unwrap());
    fs::copy(&copy, &target).unwrap();
    fs::write(target.with_extension("log.tmp"), "half a copy").unwrap();
    before.open();
    assert!(!target.exists() && !target.with_extension("log.tmp").exists());
    let content = before.content();
    assert_eq!(content.events.len(), 100);
    check(&mut before, &content);
}

#[test]
fn a_move_that_was_interrupted_is_finished() {
    // Before the first word of the locator was changed, and before the last but one step.
    let (mut before, mut house, name) = replaced();
    let (copy, id) = copy_of_first(&house);
    let moving = |manifest: &mut serde_json::Value| manifest["moving"] = serde_json::json!([1, id]);
    let target = before.path().join("log").join(copy.file_name().unwrap());
    fs::copy(&copy, &target).unwrap();
    before.edit_manifest(moving);
    fs::copy(&before.log()[0], house.path().join("log").join(&name)).unwrap();
    house.edit_manifest(moving);
    for house in [&mut before, &mut house] {
        house.open();
        assert!(!house.path().join("log").join(&name).exists());
        let content = house.content();
        assert_eq!(content.events.len(), 100);
        check(house, &content);
        house.store_one(&note_of(300));
        house.reindex();
        assert_eq!(house.content().events.len(), 101);
        house.is_clean();
    }
}

#[test]
fn a_move_that_never_began_is_forgotten() {
    let mut house = sparse();
    house.close();
    house.edit_manifest(|manifest| manifest["moving"] = serde_json::json!([1, 999]));
    house.open();
    let content = house.content();
    assert_eq!(content.events.len(), 100);
    check(&mut house, &content);
}

#[test]
fn readers_notice_nothing() {
    let house = sparse();
    let content = house.content();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..40).for_each(|_| assert_eq!(house.content(), content))))
            .collect();
        let verifier = scope.spawn(|| (0..20).for_each(|_| assert_eq!(house.verify().faults, 0)));
        while !verifier.is_finished() {
            house.compact();
            std::thread::yield_now();
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
    let _ = house.store().statistics();
}
