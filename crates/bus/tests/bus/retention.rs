//! G1.2, G1.4: what is kept, and for how long.

use stentor_bus::{BusError, Config, From, ReadError, append};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, next, note, one, past, progress, store};

both_engines!(
    g1_2_entries_go_when_they_are_old,
    g1_2_entries_go_when_there_are_too_many_bytes,
    g1_4_a_cursor_before_the_kept_changes_is_refused,
    g1_4_a_log_that_was_closed_is_another,
);

async fn publish_at(house: &House, percent: u64, at_ms: u64) {
    let draft = progress("a", "root", "j", percent);
    let database = house.open().await;
    let written = database.write(move |tx| append(tx, std::slice::from_ref(&draft), at_ms));
    written.await.map_err(|error: BusError| error).unwrap();
}

async fn g1_2_entries_go_when_they_are_old(house: House) {
    let subject = Subject::new(&house).await;
    let before = subject.bus.head().await.unwrap();
    for percent in 1..=3 {
        publish_at(&house, percent, 1_000).await;
    }
    subject.progress("a", "root", "j", 4).await;
    assert_eq!(subject.bus.prune_now().await.unwrap(), 3);
    assert_eq!(subject.bus.prune_now().await.unwrap(), 0);
    let mut reader = subject.read(From::Cursor(before));
    let Err(ReadError::Resync { oldest }) = one(&mut reader).await else {
        panic!("a cursor before what is kept was taken");
    };
    let mut reader = subject.read(From::Cursor(oldest));
    assert_eq!(next(&mut reader, 1).await, ["j:4"]);
    let cursor = reader.cursor().unwrap();
    assert_eq!(cursor.records.seq, 4, "positions are never given out again");
    subject.progress("a", "root", "j", 5).await;
    assert_eq!(next(&mut reader, 1).await, ["j:5"]);
}

async fn g1_2_entries_go_when_there_are_too_many_bytes(house: House) {
    let config = Config {
        retention_bytes: 1_000,
        ..Config::default()
    };
    let subject = Subject::with(&house, store(), config).await;
    for percent in 0..50 {
        subject.progress("a", "root", "j", percent).await;
    }
    let removed = subject.bus.prune_now().await.unwrap();
    assert!((40..50).contains(&removed), "{removed}");
    let (names, _) = past(subject.read(From::Oldest)).await;
    assert_eq!(names.len() as u64, 50 - removed);
    assert_eq!(names.last().unwrap(), "j:49");
}

async fn g1_4_a_cursor_before_the_kept_changes_is_refused(house: House) {
    let config = Config {
        retention_changes: 5,
        ..Config::default()
    };
    let subject = Subject::with(&house, store(), config).await;
    let begin = subject.bus.head().await.unwrap();
    for number in 0..5 {
        subject.store(&[&note(1, &number.to_string())]).await;
    }
    let mut reader = subject.read(From::Cursor(begin));
    assert_eq!(next(&mut reader, 5).await.len(), 5);
    subject.store(&[&note(1, "5")]).await;
    let mut reader = subject.read(From::Cursor(begin));
    let Err(ReadError::Resync { oldest }) = one(&mut reader).await else {
        panic!("a cursor before what is kept was taken");
    };
    let (names, _) = past(subject.read(From::Cursor(oldest))).await;
    assert_eq!(names, ["1", "2", "3", "4", "5"]);
}

async fn g1_4_a_log_that_was_closed_is_another(house: House) {
    let subject = Subject::new(&house).await;
    subject.progress("a", "root", "j", 1).await;
    let before = subject.bus.head().await.unwrap();
    stentor_bus::close(&house.open().await).await.unwrap();
    subject.progress("a", "root", "j", 2).await;
    let subject = Subject::new(&house).await;
    let mut reader = subject.read(From::Cursor(before));
    let Err(ReadError::Resync { oldest }) = one(&mut reader).await else {
        panic!("a cursor into a log that was closed was taken");
    };
    subject.progress("a", "root", "j", 3).await;
    let mut reader = subject.read(From::Cursor(oldest));
    assert_eq!(next(&mut reader, 1).await, ["j:3"]);
}
