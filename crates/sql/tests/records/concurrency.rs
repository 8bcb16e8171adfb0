//! Many at once, as if one after the other.

use stentor_sql::testing::House;
use stentor_sql::{Database, Error, both_engines};

use crate::words::{add, opened, pairs, words};

/// Reads, thinks, and writes what it thought.
async fn increment(database: &Database) -> Result<(), Error> {
    database
        .write(|tx| {
            let (count,): (i64,) = tx.fetch_one("SELECT count FROM words WHERE word = 'a'", ())?;
            tx.execute("UPDATE words SET count = ? WHERE word = 'a'", (count + 1,))?;
            Ok(())
        })
        .await
}

async fn no_change_is_lost(mut house: House) {
    house.config.attempts = 200;
    let database = opened(&house).await;
    add(&database, "a").await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..12 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                increment(&database).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(words(&database).await, pairs(&[("a", 121)]));
}

/// What each of them saw forbids the other, though they write to different rows: at least one word must stay counted.
async fn what_was_read_still_holds_when_it_is_committed(mut house: House) {
    house.config.attempts = 200;
    let database = opened(&house).await;
    for _ in 0..10 {
        database
            .write(|tx| {
                let sql =
                    "INSERT INTO words VALUES (?, 1) ON CONFLICT (word) DO UPDATE SET count = 1";
                tx.execute(sql, ("a",))?;
                tx.execute(sql, ("b",))
            })
            .await
            .map_err(|error: Error| error)
            .unwrap();
        let leave = |word: &'static str| {
            let database = database.clone();
            tokio::spawn(async move {
                database
                    .write(move |tx| {
                        let (sum,): (i64,) =
                            tx.fetch_one("SELECT CAST(SUM(count) AS BIGINT) FROM words", ())?;
                        if sum > 1 {
                            tx.execute("UPDATE words SET count = 0 WHERE word = ?", (word,))?;
                        }
                        Ok::<_, Error>(())
                    })
                    .await
            })
        };
        let (a, b) = (leave("a"), leave("b"));
        a.await.unwrap().unwrap();
        b.await.unwrap().unwrap();
        let counts: i64 = words(&database).await.iter().map(|(_, count)| count).sum();
        assert_eq!(counts, 1);
    }
}

async fn those_who_lock_crosswise_both_get_through(mut house: House) {
    house.config.attempts = 200;
    let database = opened(&house).await;
    let mut tasks = Vec::new();
    for order in [["a", "b"], ["b", "a"]] {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..20 {
                let both = move |tx: &mut stentor_sql::Transaction<'_>| {
                    crate::words::count(tx, order[0])?;
                    crate::words::count(tx, order[1])
                };
                database.write(both).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(words(&database).await, pairs(&[("a", 40), ("b", 40)]));
}

async fn many_more_callers_than_places_are_all_served(mut house: House) {
    house.config.queue = 8;
    house.config.joined = 4;
    house.config.connections = 4;
    house.config.acquire_ms = 60_000;
    let database = opened(&house).await;
    let mut tasks = Vec::new();
    for number in 0..200 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            add(&database, &format!("w{number}")).await
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(1));
    }
    assert_eq!(words(&database).await.len(), 200);
}

both_engines!(
    no_change_is_lost,
    what_was_read_still_holds_when_it_is_committed,
    those_who_lock_crosswise_both_get_through,
    many_more_callers_than_places_are_all_served,
);
