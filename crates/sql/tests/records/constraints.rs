//! Rules of the schema speak with one voice.

use stentor_sql::testing::House;
use stentor_sql::{ConstraintKind, Error, both_engines};

use crate::words::{add, opened, pairs, words};

async fn what_the_schema_forbids_is_told_by_kind(house: House) {
    let database = opened(&house).await;
    add(&database, "a").await.unwrap();
    for (sql, kind) in [
        ("INSERT INTO words VALUES ('a', 1)", ConstraintKind::Unique),
        (
            "INSERT INTO words VALUES ('b', NULL)",
            ConstraintKind::NotNull,
        ),
        ("INSERT INTO words VALUES ('b', -1)", ConstraintKind::Check),
        (
            "INSERT INTO log (word) VALUES ('none')",
            ConstraintKind::ForeignKey,
        ),
    ] {
        let result = database.write(move |tx| tx.execute(sql, ())).await;
        let error: Error = result.unwrap_err();
        assert!(error.is_constraint(kind), "{error:?}");
        assert!(!error.is_transient());
        // SQLite does not name foreign keys.
        let named = matches!(&error, Error::Constraint { which: Some(_), .. });
        assert!(named || kind == ConstraintKind::ForeignKey, "{error:?}");
    }
    assert_eq!(words(&database).await, pairs(&[("a", 1)]));
}

async fn what_may_collide_is_counted(house: House) {
    let database = opened(&house).await;
    let sql = "INSERT INTO words VALUES (?, 1) ON CONFLICT DO NOTHING";
    let changed = database
        .write(move |tx| Ok::<_, Error>((tx.execute(sql, ("a",))?, tx.execute(sql, ("a",))?)))
        .await;
    assert_eq!(changed, Ok((1, 0)));
}

/// A rule that is checked with the commit only.
async fn a_late_rule_hits_only_who_broke_it(house: House) {
    let database = opened(&house).await;
    let table =
        "CREATE TABLE late (word TEXT REFERENCES words (word) DEFERRABLE INITIALLY DEFERRED)";
    database
        .write(move |tx| tx.execute(table, ()))
        .await
        .map_err(|e: Error| e)
        .unwrap();
    let broken = |database: stentor_sql::Database| async move {
        let sql = "INSERT INTO late VALUES ('none')";
        database.write(move |tx| tx.execute(sql, ())).await
    };
    let mut tasks = Vec::new();
    for number in 0..40 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            match number % 4 {
                3 => broken(database).await.map(|_| 0),
                _ => add(&database, &format!("w{number}")).await,
            }
        }));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let result: Result<i64, Error> = task.await.unwrap();
        match number % 4 {
            3 => assert!(
                result
                    .unwrap_err()
                    .is_constraint(ConstraintKind::ForeignKey)
            ),
            _ => assert_eq!(result, Ok(1)),
        }
    }
    assert_eq!(words(&database).await.len(), 30);
}

both_engines!(
    what_the_schema_forbids_is_told_by_kind,
    what_may_collide_is_counted,
    a_late_rule_hits_only_who_broke_it,
);
