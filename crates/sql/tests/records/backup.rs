//! A copy while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stentor_sql::testing::House;
use stentor_sql::{Database, DatabaseConfig, Dialect, Error};

use crate::words::{add, count, opened, words};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment() {
    let house = House::new(Dialect::Sqlite).await;
    let database = opened(&house).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (database, stop) = (database.clone(), stop.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                let both = |tx: &mut stentor_sql::Transaction<'_>| {
                    count(tx, "a")?;
                    count(tx, "b")
                };
                database.write(both).await.unwrap();
            }
        }
    });
    let mut last = 0;
    for number in 0..10 {
        let before = add(&database, "c").await.unwrap();
        let path = house.folder().join(format!("backup {number}'.sqlite"));
        database.backup(&path).await.unwrap();
        let config = DatabaseConfig {
            path,
            ..DatabaseConfig::default()
        };
        let copy = Database::open(&config).await.unwrap();
        let there = words(&copy).await;
        let of = |word: &str| {
            there
                .iter()
                .find(|(w, _)| w == word)
                .map_or(0, |(_, count)| *count)
        };
        assert_eq!(of("a"), of("b"));
        assert_eq!(of("c"), before);
        assert!(of("a") >= last);
        last = of("a");
        // It is a database like any other.
        assert_eq!(add(&copy, "c").await, Ok(before + 1));
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

#[tokio::test]
async fn a_backup_takes_nobodys_place_and_leaves_nothing_when_it_fails() {
    let house = House::new(Dialect::Sqlite).await;
    let database = opened(&house).await;
    let path = house.folder().join("there");
    std::fs::write(&path, "something").unwrap();
    assert!(matches!(
        database.backup(&path).await,
        Err(Error::Io { .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), b"something");
    let nowhere = house.folder().join("nowhere/backup");
    assert!(matches!(
        database.backup(&nowhere).await,
        Err(Error::Io { .. })
    ));
    // What an attempt that was cut off has left does not matter.
    let path = house.folder().join("backup");
    std::fs::write(house.folder().join("backup.unfinished"), "half").unwrap();
    database.backup(&path).await.unwrap();
    assert!(path.exists());
    assert!(!house.folder().join("backup.unfinished").exists());
    // Nobody but its owner reads it.
    use std::os::unix::fs::PermissionsExt;
    for path in [&path, &house.config.path] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn for_postgresql_the_tool_is_named() {
    let house = House::new(Dialect::Postgres).await;
    let database = opened(&house).await;
    let error = database
        .backup(&house.folder().join("backup"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("pg_dump"));
}
