//! G1.5, G3.4: readers that follow, and readers that do not keep up.

use stentor_bus::{Config, From, Interest, ReadError};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, event, gone, live, next, note, one, operator, past, store};

both_engines!(
    g1_2_ephemeral_events_are_live_only,
    g1_4_progress_that_waits_is_replaced_by_later,
    g3_4_a_slow_reader_is_told_what_it_misses_and_comes_back,
    g1_2_what_is_deleted_while_it_waits_is_not_shown,
    g1_4_a_reader_that_nothing_is_for_keeps_up,
);

async fn g1_2_ephemeral_events_are_live_only(house: House) {
    let subject = Subject::new(&house).await;
    let passing = event(1, 20_001, "passing", &[]);
    subject.store(&[&passing]).await;
    let mut reader = subject.read(From::Oldest);
    live(&subject, &mut reader, 1).await;
    subject.store(&[&passing, &note(1, "stays")]).await;
    let mut names = next(&mut reader, 2).await;
    names.sort_unstable();
    assert_eq!(names, ["stays", "~passing"]);
    let (names, _) = past(subject.read(From::Oldest)).await;
    assert_eq!(names, ["stays"]);
}

async fn g1_4_progress_that_waits_is_replaced_by_later(house: House) {
    let subject = Subject::new(&house).await;
    let interest = Interest {
        coalesce: true,
        ..Interest::default()
    };
    let mut reader = subject.bus.read(From::Now, operator(), interest);
    live(&subject, &mut reader, 1).await;
    let mut witness = subject.read(From::Now);
    live(&subject, &mut witness, 2).await;
    for percent in 1..=5 {
        subject.progress("a", "root", "j", percent).await;
        subject.progress("a", "root", "k", percent).await;
    }
    // When the witness has all, the reader has been offered all.
    assert_eq!(next(&mut witness, 10).await.len(), 10);
    assert_eq!(next(&mut reader, 2).await, ["j:5", "k:5"]);
}

async fn g3_4_a_slow_reader_is_told_what_it_misses_and_comes_back(house: House) {
    let config = Config {
        queue_envelopes: 10,
        ..Config::default()
    };
    let subject = Subject::with(&house, store(), config).await;
    let mut slow = subject.read(From::Now);
    live(&subject, &mut slow, 1).await;
    let mut quick = subject.read(From::Now);
    live(&subject, &mut quick, 2).await;
    for number in 0..25 {
        subject.store(&[&note(1, &number.to_string())]).await;
        assert_eq!(next(&mut quick, 1).await, [number.to_string()]);
    }
    let cursor = slow.cursor().unwrap();
    match one(&mut slow).await {
        Err(ReadError::Lagged { missed }) => assert_eq!(missed, 25),
        other => panic!("not lagged: {other:?}"),
    }
    let mut back = subject.read(From::Cursor(cursor));
    let all: Vec<String> = (0..25).map(|number| number.to_string()).collect();
    assert_eq!(next(&mut back, 25).await, all);
}

async fn g1_2_what_is_deleted_while_it_waits_is_not_shown(house: House) {
    let subject = Subject::new(&house).await;
    let mut reader = subject.read(From::Now);
    live(&subject, &mut reader, 1).await;
    let mut witness = subject.read(From::Now);
    live(&subject, &mut witness, 2).await;
    let (short, long) = (note(1, "short"), note(1, "long"));
    subject.store(&[&short, &long]).await;
    assert_eq!(next(&mut witness, 2).await, ["short", "long"]);
    subject.store.remove(&[short.id()]).await.unwrap();
    assert_eq!(next(&mut witness, 1).await, [gone(&short)]);
    assert_eq!(
        next(&mut reader, 2).await,
        ["long".to_owned(), gone(&short)]
    );
    let (names, _) = past(subject.read(From::Oldest)).await;
    assert_eq!(names, ["long".to_owned(), gone(&short)]);
}

async fn g1_4_a_reader_that_nothing_is_for_keeps_up(house: House) {
    let subject = Subject::new(&house).await;
    let interest = Interest {
        types: vec!["job".into()],
        ..Interest::default()
    };
    let mut reader = subject.bus.read(From::Now, operator(), interest);
    live(&subject, &mut reader, 1).await;
    let mut witness = subject.read(From::Now);
    live(&subject, &mut witness, 2).await;
    subject.store(&[&note(1, "one"), &note(1, "two")]).await;
    next(&mut witness, 2).await;
    assert_eq!(reader.cursor().unwrap(), subject.bus.head().await.unwrap());
}
