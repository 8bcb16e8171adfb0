//! All of a transaction, or nothing; and each for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stentor_sql::testing::House;
use stentor_sql::{ConstraintKind, Dialect, Error, both_engines};

use crate::words::{add, count, opened, pairs, words};

/// An error of a caller.
#[derive(Debug, PartialEq)]
enum Refused {
    Mine,
    Database(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

async fn the_callers_own_error_rolls_back_and_comes_back(house: House) {
    let database = opened(&house).await;
    let result = database
        .write(|tx| {
            count(tx, "a")?;
            Err::<(), _>(Refused::Mine)
        })
        .await;
    assert_eq!(result, Err(Refused::Mine));
    assert_eq!(words(&database).await, pairs(&[]));
}

async fn a_statement_that_fails_ends_the_transaction_even_unnoticed(house: House) {
    let database = opened(&house).await;
    let result = database
        .write(|tx| {
            count(tx, "a")?;
            let failed = tx.execute("INSERT INTO words VALUES ('a', 1)", ());
            assert!(failed.unwrap_err().is_constraint(ConstraintKind::Unique));
            // The next does not even reach the database.
            let next = tx.execute("DELETE FROM words", ());
            assert!(next.unwrap_err().is_constraint(ConstraintKind::Unique));
            Ok(())
        })
        .await;
    let result: Result<(), Error> = result;
    assert!(result.unwrap_err().is_constraint(ConstraintKind::Unique));
    assert_eq!(words(&database).await, pairs(&[]));
}

async fn a_panic_hits_nobody_else(house: House) {
    let database = opened(&house).await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            database
                .write(move |tx| {
                    let seen = count(tx, &format!("w{number}"))?;
                    assert!(number % 5 != 0, "a test of panics");
                    Ok::<_, Error>(seen)
                })
                .await
        }));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let expected = match number % 5 {
            0 => Err(Error::Panicked),
            _ => Ok(1),
        };
        assert_eq!(task.await.unwrap(), expected);
    }
    assert_eq!(words(&database).await.len(), 16);
    assert_eq!(add(&database, "after").await, Ok(1));
}

/// A joined commit, in which every third fails.
async fn who_fails_in_a_crowd_fails_alone(house: House) {
    let database = opened(&house).await;
    let mut tasks = Vec::new();
    for number in 0..90 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            database
                .write(move |tx| {
                    count(tx, &format!("w{number}"))?;
                    let delta = if number % 3 == 0 { -1 } else { 0 };
                    tx.execute(
                        "INSERT INTO words VALUES (?, ?)",
                        (format!("x{number}"), delta),
                    )
                })
                .await
        }));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let result: Result<u64, Error> = task.await.unwrap();
        match number % 3 {
            0 => assert!(result.unwrap_err().is_constraint(ConstraintKind::Check)),
            _ => assert_eq!(result, Ok(1)),
        }
    }
    assert_eq!(words(&database).await.len(), 120);
}

async fn a_transaction_reads_what_it_wrote_and_others_do_not(house: House) {
    let database = opened(&house).await;
    let (wrote, written) = std::sync::mpsc::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let goes_on = std::sync::Mutex::new(goes_on);
    let writing = tokio::spawn({
        let database = database.clone();
        async move {
            database
                .write(move |tx| {
                    count(tx, "a")?;
                    wrote.send(()).unwrap();
                    goes_on.lock().unwrap().recv().unwrap();
                    count(tx, "a")
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || written.recv().unwrap())
        .await
        .unwrap();
    assert_eq!(words(&database).await, pairs(&[]));
    go_on.send(()).unwrap();
    assert_eq!(writing.await.unwrap(), Ok(2));
    assert_eq!(words(&database).await, pairs(&[("a", 2)]));
}

async fn queries_of_one_read_see_one_moment(house: House) {
    let database = opened(&house).await;
    add(&database, "a").await.unwrap();
    let other = database.clone();
    let runtime = tokio::runtime::Handle::current();
    let seen = database
        .read(move |tx| {
            let before: Vec<(i64,)> = tx.fetch_all("SELECT count FROM words", ())?;
            let added = std::thread::scope(|scope| {
                scope
                    .spawn(|| runtime.block_on(add(&other, "a")))
                    .join()
                    .unwrap()
            });
            assert_eq!(added, Ok(2));
            let after: Vec<(i64,)> = tx.fetch_all("SELECT count FROM words", ())?;
            Ok::<_, Error>((before, after))
        })
        .await;
    assert_eq!(seen, Ok((vec![(1,)], vec![(1,)])));
    assert_eq!(words(&database).await, pairs(&[("a", 2)]));
}

async fn reading_cannot_write(house: House) {
    let database = opened(&house).await;
    let sql = "INSERT INTO words VALUES ('a', 1) RETURNING word";
    let alone = database.fetch_optional::<(String,)>(sql, ()).await;
    assert_eq!(alone, Err(Error::ReadOnly));
    let within = database.read(|tx| count(tx, "a")).await;
    assert_eq!(within, Err(Error::ReadOnly));
    assert_eq!(words(&database).await, pairs(&[]));
    assert_eq!(add(&database, "a").await, Ok(1));
}

/// A caller that gives up while others are written before it: what it wanted is not begun.
/// (PostgreSQL has no queue: a call that has begun is served to its end.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_gone_before_its_turn_is_not_served() {
    let house = House::new(Dialect::Sqlite).await;
    let database = opened(&house).await;
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let goes_on = std::sync::Mutex::new(goes_on);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let first = tokio::spawn({
        let database = database.clone();
        async move {
            database
                .write(move |tx| {
                    begun.lock().unwrap().take().unwrap().send(()).unwrap();
                    goes_on.lock().unwrap().recv().unwrap();
                    count(tx, "first")
                })
                .await
        }
    });
    has_begun.await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let mut gone = Box::pin(database.write(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        count(tx, "gone")
    }));
    // It stands in the queue after it was polled once.
    tokio::select! {
        biased;
        _ = &mut gone => panic!("the writer is still at the first"),
        () = std::future::ready(()) => {}
    }
    drop(gone);
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(add(&database, "last").await, Ok(1));
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    assert_eq!(words(&database).await, pairs(&[("first", 1), ("last", 1)]));
}

both_engines!(
    the_callers_own_error_rolls_back_and_comes_back,
    a_statement_that_fails_ends_the_transaction_even_unnoticed,
    a_panic_hits_nobody_else,
    who_fails_in_a_crowd_fails_alone,
    a_transaction_reads_what_it_wrote_and_others_do_not,
    queries_of_one_read_see_one_moment,
    reading_cannot_write,
);
