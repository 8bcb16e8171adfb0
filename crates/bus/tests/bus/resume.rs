//! G1.4: resuming gives everything that was missed exactly once, in order, and goes live without a gap.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use stentor_bus::{Config, Cursor, From, Interest, ReadError};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::EventStore;

use crate::harness::{Subject, next, note, one, operator, past, store};

both_engines!(
    g1_4_every_envelope_once_whenever_the_reader_drops,
    g1_4_a_cursor_outlives_a_restart,
    g1_4_a_cursor_of_other_logs_is_told_where_to_go_on,
    g1_4_history_reads_the_same_log,
);

async fn g1_4_every_envelope_once_whenever_the_reader_drops(house: House) {
    const EACH: u64 = 300;
    let subject = Arc::new(Subject::new(&house).await);
    let publisher = {
        let subject = Arc::clone(&subject);
        tokio::spawn(async move {
            for number in 0..EACH {
                subject.store(&[&note(1, &number.to_string())]).await;
                subject.progress("a", "root", "j", number).await;
            }
        })
    };
    let mut dice = rand::rngs::StdRng::seed_from_u64(7);
    let (mut notes, mut jobs, mut from) = (Vec::new(), Vec::new(), From::Oldest);
    while notes.len() + jobs.len() < 2 * EACH as usize {
        let mut reader = subject.read(from);
        for _ in 0..dice.random_range(1..40) {
            if notes.len() + jobs.len() == 2 * EACH as usize {
                break;
            }
            let delivery = one(&mut reader).await.unwrap();
            let name = crate::harness::name(&delivery);
            match name.strip_prefix("j:") {
                Some(percent) => jobs.push(percent.parse::<u64>().unwrap()),
                None => notes.push(name.parse::<u64>().unwrap()),
            }
            // As a client has it: a text.
            let text = delivery.cursor.to_string();
            from = From::Cursor(text.parse().unwrap());
        }
    }
    publisher.await.unwrap();
    let all: Vec<u64> = (0..EACH).collect();
    assert_eq!((notes, jobs), (all.clone(), all));
    let (rest, _) = past(subject.read(from)).await;
    assert_eq!(rest, Vec::<String>::new());
}

async fn g1_4_a_cursor_outlives_a_restart(house: House) {
    let store = store();
    let subject = Subject::with(&house, Arc::clone(&store), Config::default()).await;
    subject.store(&[&note(1, "one")]).await;
    subject.progress("a", "root", "j", 1).await;
    let mut reader = subject.read(From::Oldest);
    next(&mut reader, 2).await;
    let cursor = reader.cursor().unwrap();
    drop((reader, subject));
    let subject = Subject::with(&house, store, Config::default()).await;
    subject.store(&[&note(1, "two")]).await;
    let mut reader = subject.read(From::Cursor(cursor));
    assert_eq!(next(&mut reader, 1).await, ["two"]);
}

async fn refused(subject: &Subject, cursor: Cursor) -> Cursor {
    let mut reader = subject.read(From::Cursor(cursor));
    match one(&mut reader).await {
        Err(ReadError::Resync { oldest }) => oldest,
        other => panic!("not refused: {other:?}"),
    }
}

async fn g1_4_a_cursor_of_other_logs_is_told_where_to_go_on(house: House) {
    let subject = Subject::new(&house).await;
    subject.store(&[&note(1, "one"), &note(1, "two")]).await;
    subject.progress("a", "root", "j", 1).await;
    let head = subject.bus.head().await.unwrap();
    let mut wrong = vec![Cursor {
        epoch: head.epoch ^ 1,
        ..head
    }];
    for log in [stentor_bus::Log::Nostr, stentor_bus::Log::Records] {
        let mut place = head.place(log);
        place.mark ^= 1;
        wrong.push(head.with(log, place));
        place.mark ^= 1;
        place.seq += 1;
        wrong.push(head.with(log, place));
    }
    for cursor in wrong {
        let oldest = refused(&subject, cursor).await;
        let mut reader = subject.read(From::Cursor(oldest));
        assert_eq!(next(&mut reader, 3).await, ["one", "two", "j:1"]);
    }
    // The store was put back to before the cursor, and has gone on with other events.
    let other: Arc<dyn EventStore> = store();
    let restored = Subject::with(&house, other, Config::default()).await;
    restored.store(&[&note(1, "one"), &note(2, "other")]).await;
    refused(&restored, head).await;
}

async fn g1_4_history_reads_the_same_log(house: House) {
    let subject = Subject::new(&house).await;
    for number in 0..700 {
        subject.store(&[&note(1, &number.to_string())]).await;
    }
    let interest = Interest {
        types: vec!["nostr.event".into()],
        ..Interest::default()
    };
    let mut reader = subject.bus.read(From::Oldest, operator(), interest);
    let mut names = Vec::new();
    for _ in 0..300 {
        names.push(crate::harness::name(
            &reader.next_of_past().await.unwrap().unwrap(),
        ));
    }
    let (rest, cursor) = past(subject.read(From::Cursor(reader.cursor().unwrap()))).await;
    names.extend(rest);
    assert_eq!(
        names,
        (0..700)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
    );
    let (none, _) = past(subject.read(From::Cursor(cursor.unwrap()))).await;
    assert_eq!(none, Vec::<String>::new());
}
