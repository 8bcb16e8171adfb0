//! Nothing is waited for, or gathered, without end.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use stentor_sql::testing::House;
use stentor_sql::{Database, Dialect, Error, both_engines};

use crate::words::{add, count, opened, words};

/// Counts without end.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT COUNT(*) FROM n";

/// A transaction that is open until told.
struct Held {
    go_on: mpsc::Sender<()>,
    task: tokio::task::JoinHandle<Result<i64, Error>>,
}

impl Held {
    async fn write(database: &Database) -> Self {
        let (begun, has_begun) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let goes_on = Mutex::new(goes_on);
        let database = database.clone();
        let task = tokio::spawn(async move {
            let hold = move |tx: &mut stentor_sql::Transaction<'_>| {
                let seen = count(tx, "held")?;
                begun.send(()).unwrap();
                goes_on.lock().unwrap().recv().unwrap();
                Ok(seen)
            };
            database.write(hold).await
        });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
            .await
            .unwrap();
        Self { go_on, task }
    }

    async fn end(self) {
        self.go_on.send(()).unwrap();
        assert_eq!(self.task.await.unwrap(), Ok(1));
    }
}

async fn an_answer_has_no_more_rows_than_allowed(mut house: House) {
    house.config.rows = 10;
    let database = opened(&house).await;
    for number in 0..11 {
        add(&database, &format!("w{number}")).await.unwrap();
    }
    let all = database
        .fetch_all::<(String,)>("SELECT word FROM words", ())
        .await;
    assert_eq!(all, Err(Error::TooManyRows { allowed: 10 }));
    let ten = "SELECT word FROM words LIMIT 10";
    let ten = database.fetch_all::<(String,)>(ten, ()).await.unwrap();
    assert_eq!(ten.len(), 10);
    let within = database
        .write(|tx| tx.fetch_all::<(String,)>("SELECT word FROM words", ()))
        .await;
    assert_eq!(within, Err(Error::TooManyRows { allowed: 10 }));
    let one = database
        .fetch_optional::<(String,)>("SELECT word FROM words", ())
        .await;
    assert_eq!(one, Err(Error::TooManyRows { allowed: 1 }));
    let none = "SELECT word FROM words WHERE count > 5";
    assert_eq!(
        database.fetch_optional::<(String,)>(none, ()).await,
        Ok(None)
    );
    assert_eq!(
        database.fetch_one::<(String,)>(none, ()).await,
        Err(Error::NoRow)
    );
}

async fn a_statement_ends_in_its_time(mut house: House) {
    house.config.statement_ms = 1_000;
    let database = opened(&house).await;
    let start = Instant::now();
    let read = database.fetch_one::<(i64,)>(ENDLESS, ()).await;
    assert_eq!(read, Err(Error::Timeout));
    assert!(start.elapsed() < Duration::from_secs(10));
    // In a transaction, it takes nobody with it.
    let slow = {
        let database = database.clone();
        tokio::spawn(async move {
            let endless = |tx: &mut stentor_sql::Transaction<'_>| {
                count(tx, "slow")?;
                tx.execute("UPDATE words SET count = (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT COUNT(*) FROM n)", ())
            };
            database.write(endless).await
        })
    };
    let mut tasks = Vec::new();
    for number in 0..20 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            add(&database, &format!("w{number}")).await
        }));
    }
    assert_eq!(slow.await.unwrap(), Err(Error::Timeout));
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(1));
    }
    assert_eq!(words(&database).await.len(), 20);
}

async fn who_finds_all_connections_in_use_is_told_so(mut house: House) {
    house.config.connections = 1;
    house.config.acquire_ms = 500;
    let database = opened(&house).await;
    let (begun, has_begun) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let goes_on = Mutex::new(goes_on);
    let holding = tokio::spawn({
        let database = database.clone();
        async move {
            database
                .read(move |_| {
                    begun.send(()).unwrap();
                    goes_on.lock().unwrap().recv().unwrap();
                    Ok::<_, Error>(())
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();
    let refused = database.fetch_one::<(i64,)>("SELECT 1", ()).await;
    assert!(matches!(refused, Err(Error::Busy(_))));
    go_on.send(()).unwrap();
    assert_eq!(holding.await.unwrap(), Ok(()));
    assert_eq!(database.fetch_one("SELECT 1", ()).await, Ok((1_i64,)));
}

/// Another process, or another transaction, holds the lock.
async fn a_lock_is_not_waited_for_without_end(mut house: House) {
    house.config.busy_ms = 500;
    let database = opened(&house).await;
    let other = house.open().await;
    let held = Held::write(&other).await;
    let refused = add(&database, "held").await;
    assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    held.end().await;
    assert_eq!(add(&database, "held").await, Ok(2));
}

async fn what_is_handed_in_before_closing_is_done(house: House) {
    let database = opened(&house).await;
    let held = Held::write(&database).await;
    let closing = tokio::spawn({
        let database = database.clone();
        async move { database.close().await }
    });
    held.end().await;
    closing.await.unwrap();
    assert_eq!(add(&database, "late").await, Err(Error::Closed));
    let late = database.fetch_one::<(i64,)>("SELECT 1", ()).await;
    assert_eq!(late, Err(Error::Closed));
    assert_eq!(database.health().await, Err(Error::Closed));
    let again = house.open().await;
    assert_eq!(words(&again).await, crate::words::pairs(&[("held", 1)]));
}

/// SQLite only: PostgreSQL has no queue here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_the_queue_full_is_told_so() {
    let mut house = House::new(Dialect::Sqlite).await;
    house.config.queue = 1;
    house.config.acquire_ms = 500;
    let database = opened(&house).await;
    let held = Held::write(&database).await;
    let mut waits = Box::pin(add(&database, "waits"));
    // It stands in the queue after it was polled once.
    tokio::select! {
        biased;
        _ = &mut waits => panic!("another transaction is open"),
        () = std::future::ready(()) => {}
    }
    let refused = add(&database, "refused").await;
    assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    held.end().await;
    assert_eq!(waits.await, Ok(1));
    assert_eq!(add(&database, "waits").await, Ok(2));
}

both_engines!(
    an_answer_has_no_more_rows_than_allowed,
    a_statement_ends_in_its_time,
    who_finds_all_connections_in_use_is_told_so,
    a_lock_is_not_waited_for_without_end,
    what_is_handed_in_before_closing_is_done,
);
