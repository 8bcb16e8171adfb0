//! What only PostgreSQL does: transactions that run beside each other, conflict, and are run again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stentor_sql::testing::House;
use stentor_sql::{Database, Dialect, Error};

use crate::words::{add, opened, pairs, words};

/// Doubles a count that another changes between reading and writing, in the first so many runs.
async fn disturbed(database: &Database, times: u32) -> (Result<(), Error>, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let (counted, other) = (runs.clone(), database.clone());
    let runtime = tokio::runtime::Handle::current();
    let result = database
        .write(move |tx| {
            let (count,): (i64,) = tx.fetch_one("SELECT count FROM words WHERE word = 'a'", ())?;
            if counted.fetch_add(1, Ordering::Relaxed) < times {
                runtime.block_on(async {
                    let other = other.clone();
                    tokio::spawn(async move { add(&other, "a").await })
                        .await
                        .unwrap()
                })?;
            }
            tx.execute("UPDATE words SET count = ? WHERE word = 'a'", (count * 2,))?;
            Ok(())
        })
        .await;
    (result, runs.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_conflicts_is_run_again() {
    let house = House::new(Dialect::Postgres).await;
    let database = opened(&house).await;
    add(&database, "a").await.unwrap();
    assert_eq!(disturbed(&database, 2).await, (Ok(()), 3));
    // One, two of the others, doubled.
    assert_eq!(words(&database).await, pairs(&[("a", 6)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_run_again_for_ever() {
    let mut house = House::new(Dialect::Postgres).await;
    house.config.attempts = 3;
    let database = opened(&house).await;
    add(&database, "a").await.unwrap();
    assert_eq!(disturbed(&database, 100).await, (Err(Error::Conflict), 3));
    assert_eq!(words(&database).await, pairs(&[("a", 4)]));
}

/// The owner of the server ends a session: only its transaction is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_is_replaced() {
    let house = House::new(Dialect::Postgres).await;
    let database = opened(&house).await;
    let result = database
        .write(|tx| {
            add_and_end_session(tx)?;
            crate::words::count(tx, "a")
        })
        .await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    assert_eq!(add(&database, "a").await, Ok(1));
}

fn add_and_end_session(tx: &mut stentor_sql::Transaction<'_>) -> Result<(), Error> {
    crate::words::count(tx, "a")?;
    tx.fetch_one::<(bool,)>("SELECT pg_terminate_backend(pg_backend_pid())", ())?;
    Ok(())
}
