//! A full disk, and files that are none.

use stentor_sql::testing::House;
use stentor_sql::{Database, Dialect, Error, both_engines};

use crate::words::{add, opened, words};

/// SQLite's own limit of the file's size makes it full as a disk does.
async fn limit_pages(database: &Database, pages: i64) {
    let limited = database
        .write(move |tx| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            tx.fetch_one::<(i64,)>(stentor_sql::Sql::Built(sql), ())
        })
        .await;
    assert_eq!(limited, Ok((pages,)));
}

async fn blob(database: &Database, bytes: usize) -> Result<u64, Error> {
    database
        .write(move |tx| tx.execute("INSERT INTO blobs VALUES (?)", (vec![1_u8; bytes],)))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fills_the_disk_takes_nobody_along_and_room_helps() {
    let house = House::new(Dialect::Sqlite).await;
    let database = opened(&house).await;
    let table = "CREATE TABLE blobs (b BYTEA)";
    database
        .write(move |tx| tx.execute(table, ()))
        .await
        .map_err(|e: Error| e)
        .unwrap();
    limit_pages(&database, 60).await;
    let mut tasks = Vec::new();
    for number in 0..30 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            match number % 10 {
                5 => blob(&database, 1 << 20).await.map(|_| 0),
                _ => add(&database, &format!("w{number}")).await,
            }
        }));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let expected = match number % 10 {
            5 => Err(Error::Full),
            _ => Ok(1),
        };
        assert_eq!(task.await.unwrap(), expected);
    }
    assert_eq!(words(&database).await.len(), 27);
    limit_pages(&database, 100_000).await;
    assert_eq!(blob(&database, 1 << 20).await, Ok(1));
}

/// The server says it of its disk in the middle of a transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_server_is_told_as_such() {
    let house = House::new(Dialect::Postgres).await;
    let database = opened(&house).await;
    let full = "DO $$ BEGIN RAISE EXCEPTION 'disk' USING ERRCODE = '53100'; END $$";
    let result = database
        .write(move |tx| {
            crate::words::count(tx, "a")?;
            tx.execute(full, ())
        })
        .await;
    assert_eq!(result, Err(Error::Full));
    assert_eq!(add(&database, "a").await, Ok(1));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let house = House::new(Dialect::Sqlite).await;
    std::fs::write(&house.config.path, vec![b'x'; 8192]).unwrap();
    let error = Database::open(&house.config).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_is_missing_is_not_made() {
    let mut house = House::new(Dialect::Sqlite).await;
    house.config.path = house.folder().join("nowhere/records.sqlite");
    let error = Database::open(&house.config).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

async fn a_healthy_database_says_so(house: House) {
    let database = opened(&house).await;
    assert_eq!(database.health().await, Ok(()));
}

both_engines!(a_healthy_database_says_so);
