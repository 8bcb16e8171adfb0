//! Building anew what is derived.

use stentor_store::embedded::Store;
use stentor_store::{EventStore, StoreError};

use super::house::{House, note_of, notes, options, scratch};

#[test]
fn a_rebuilt_store_is_as_it_was() {
    let mut house = House::with_notes(100);
    house.store().flush().unwrap();
    house.remove(&notes(20..70));
    house.submit(&notes(100..120));
    let content = house.content();
    house.reindex();
    assert_eq!(house.content(), content);
    house.is_clean();
    house.compact();
    house.reindex();
    assert_eq!(house.content(), content);
    house.is_clean();
    assert_eq!(house.store_one(&note_of(500)), 121);
}

#[test]
fn derived_files_may_be_missing() {
    for name in ["locator", "feed", "index"] {
        let mut house = House::with_notes(50);
        let content = house.content();
        house.close();
        let path = house.path().join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
            // The manifest names its files: this must be said aloud.
            assert!(house.try_open().is_err());
        } else {
            std::fs::remove_file(path).unwrap();
        }
        house.reindex();
        assert_eq!(house.content(), content);
        house.is_clean();
    }
}

#[test]
fn rebuilding_needs_a_store() {
    let folder = scratch();
    let refused = Store::reindex(folder.path(), options()).err();
    assert!(matches!(refused, Some(StoreError::Io { .. })));
    let house = House::new();
    let _ = house.store().statistics();
}
