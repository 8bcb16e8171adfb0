//! One process a store.

use stentor_store::StoreError;
use stentor_store::embedded::Store;

use super::child;
use super::house::{House, options};

#[test]
fn a_store_is_opened_once_in_a_process() {
    let mut house = House::with_notes(1);
    let second = Store::open(house.path(), options()).err();
    assert!(matches!(
        second,
        Some(StoreError::InUse { ref path, pid: Some(pid) })
            if path == house.path() && pid == std::process::id()
    ));
    assert!(Store::reindex(house.path(), options()).is_err());
    house.open();
}

#[test]
fn a_store_is_opened_by_one_process() {
    let mut house = House::with_notes(1);
    let said = child::run("tries_to_open", house.path());
    let own = std::process::id();
    assert!(said.contains(&format!("(pid {own})")), "{said}");
    house.close();
    let said = child::run("tries_to_open", house.path());
    assert!(said.contains("opened"), "{said}");
    house.open();
}

/// What the other process does.
pub fn try_to_open(folder: &std::path::Path) {
    match Store::open(folder, options()) {
        Ok(_) => println!("opened"),
        Err(error) => println!("{error}"),
    }
}
