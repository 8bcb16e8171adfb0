//! G1.2: two logs, each dense and in the order of commits.

use stentor_bus::{BusError, Config, Draft, EventType, From, append};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, gone, next, note, one, past, progress, store};

both_engines!(
    g1_2_both_logs_are_read_in_their_orders,
    g1_2_positions_have_no_gaps_whatever_fails_beside,
    g1_2_what_does_not_commit_is_not_published,
    g1_2_entries_of_another_node_are_found,
    g1_2_types_of_a_newer_program_are_passed_over,
);

async fn g1_2_both_logs_are_read_in_their_orders(house: House) {
    let subject = Subject::new(&house).await;
    let (one_note, two) = (note(1, "one"), note(1, "two"));
    subject.store(&[&one_note, &two]).await;
    subject.progress("a", "root", "j", 1).await;
    subject.progress("a", "root", "j", 2).await;
    let mut reader = subject.read(From::Oldest);
    assert_eq!(next(&mut reader, 4).await, ["one", "two", "j:1", "j:2"]);
    subject.store.remove(&[one_note.id()]).await.unwrap();
    subject.progress("a", "root", "j", 3).await;
    let mut rest = next(&mut reader, 2).await;
    rest.sort_unstable();
    assert_eq!(rest, [gone(&one_note), "j:3".to_owned()]);
    let three = note(1, "three");
    subject.store(&[&three]).await;
    let last = one(&mut reader).await.unwrap();
    assert_eq!(last.envelope().seq, Some(4));
    assert_eq!((last.cursor.nostr.seq, last.cursor.records.seq), (4, 3));
}

async fn g1_2_positions_have_no_gaps_whatever_fails_beside(house: House) {
    let subject = Subject::new(&house).await;
    let database = house.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24_u64 {
        let database = database.clone();
        tasks.spawn(async move {
            let drafts = [
                progress("a", "root", "j", number),
                progress("a", "root", "k", number),
            ];
            let fails = number % 3 == 0;
            let result = database
                .write(move |tx| {
                    append(tx, &drafts, 1_000 + number)?;
                    if fails { Err(BusError::Closed) } else { Ok(()) }
                })
                .await;
            assert_eq!(result.is_err(), fails, "{result:?}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let mut reader = subject.read(From::Oldest);
    for seq in 1..=32 {
        assert_eq!(one(&mut reader).await.unwrap().envelope().seq, Some(seq));
    }
    assert_eq!(subject.bus.head().await.unwrap().records.seq, 32);
}

async fn g1_2_what_does_not_commit_is_not_published(house: House) {
    let subject = Subject::new(&house).await;
    let database = house.open().await;
    let draft = progress("a", "root", "j", 1);
    let undone = database
        .write(move |tx| {
            append(tx, std::slice::from_ref(&draft), 1)?;
            Err::<(), _>(BusError::Closed)
        })
        .await;
    assert!(undone.is_err());
    subject.progress("a", "root", "j", 2).await;
    let (names, _) = past(subject.read(From::Oldest)).await;
    assert_eq!(names, ["j:2"]);
}

async fn g1_2_entries_of_another_node_are_found(house: House) {
    let config = Config {
        poll_ms: 10,
        ..Config::default()
    };
    let one_node = Subject::with(&house, store(), config.clone()).await;
    let other = Subject::with(&house, store(), config).await;
    let mut reader = one_node.read(From::Now);
    crate::harness::live(&one_node, &mut reader, 1).await;
    other.progress("a", "root", "j", 7).await;
    assert_eq!(next(&mut reader, 1).await, ["j:7"]);
}

async fn g1_2_types_of_a_newer_program_are_passed_over(house: House) {
    let subject = Subject::new(&house).await;
    let database = house.open().await;
    subject.progress("a", "root", "j", 1).await;
    let known = Draft::new(EventType::JobProgress, serde_json::json!({}));
    database
        .write(move |tx| {
            append(tx, std::slice::from_ref(&known), 5)?;
            let renamed = tx.execute(
                "UPDATE bus_outbox SET type = 'later.thing' WHERE seq = 2",
                (),
            )?;
            assert_eq!(renamed, 1);
            Ok::<_, BusError>(())
        })
        .await
        .unwrap();
    subject.progress("a", "root", "j", 3).await;
    let (names, cursor) = past(subject.read(From::Oldest)).await;
    assert_eq!(names, ["j:1", "j:3"]);
    assert_eq!(cursor.unwrap().records.seq, 3);
}
