//! Clocks that are set back.

use stentor_event::{Timestamp, Viewer};
use stentor_store::EventStore;

use super::house::{House, wait};
use crate::common::make::{Alice, draft, filter};
use crate::common::subject::{NO_LIMITS, NOW};

#[test]
fn what_expires_after_the_clock_was_set_back_is_removed() {
    let house = House::new();
    let store = house.store();
    let expiring = |at: u64| draft(Alice, 1, at).expiring(NOW + at).sign();
    let purge = |now: u64| wait(store.purge(Timestamp(now))).unwrap();
    house.store_one(&expiring(10));
    // For a moment it is next year.
    assert_eq!(purge(NOW + 1_000_000), 1);
    house.store_one(&expiring(100));
    house.store_one(&expiring(500));
    assert_eq!(purge(NOW + 50), 0);
    let count = |now: u64| {
        let query = stentor_store::Query {
            filters: [filter(r#"{"kinds":[1]}"#)].into(),
            now: Timestamp(now),
            before: None,
            limits: NO_LIMITS,
        };
        wait(store.count(&query, &Viewer::operator()))
            .unwrap()
            .count
    };
    assert_eq!(count(NOW + 50), 2);
    assert_eq!(count(NOW + 200), 1);
    assert_eq!(count(NOW + 600), 0);
    assert_eq!(purge(NOW + 200), 1);
    assert_eq!(purge(NOW + 600), 1);
    assert_eq!(purge(NOW + 2_000_000), 0);
    assert!(house.content().events.is_empty());
}
