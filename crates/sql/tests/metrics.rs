//! What is counted, as an operator sees it. Alone in its process, for which there is one recorder.

// What fails here fails a test.
#![allow(clippy::unwrap_used, clippy::panic)]

use metrics_exporter_prometheus::PrometheusBuilder;
use stentor_sql::testing::House;
use stentor_sql::{Dialect, Error};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_commits_connections_and_errors_are_counted() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let house = House::new(dialect).await;
        let database = house.open().await;
        let table = "CREATE TABLE words (word TEXT PRIMARY KEY)";
        let make = database.write(move |tx| tx.execute(table, ())).await;
        make.map_err(|error: Error| error).unwrap();
        let insert = |word: &'static str| {
            database.write(move |tx| tx.execute("INSERT INTO words VALUES (?)", (word,)))
        };
        assert_eq!(insert("a").await, Ok(1));
        assert!(matches!(insert("a").await, Err(Error::Constraint { .. })));
        let all: Result<Vec<(String,)>, _> = database.fetch_all("SELECT * FROM nowhere", ()).await;
        assert!(matches!(all, Err(Error::Statement { .. })));
        database.close().await;
    }
    let text = metrics.render();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        value.trim().parse().unwrap()
    };
    assert_eq!(value("stentor_sql_transactions_total{result=\"ok\"}"), 4.0);
    assert_eq!(
        value("stentor_sql_transactions_total{result=\"error\"}"),
        2.0
    );
    assert_eq!(value("stentor_sql_transaction_seconds_count"), 6.0);
    assert_eq!(value("stentor_sql_errors_total{kind=\"constraint\"}"), 2.0);
    assert_eq!(value("stentor_sql_errors_total{kind=\"statement\"}"), 2.0);
    // SQLite's: the table, the row, and the question after its health at opening; what was undone is no commit.
    assert_eq!(value("stentor_sql_commits_total"), 3.0);
    assert_eq!(value("stentor_sql_commit_seconds_count"), 3.0);
    assert_eq!(value("stentor_sql_joined_sum"), 3.0);
    assert_eq!(value("stentor_sql_queue"), 0.0);
    assert_eq!(value("stentor_sql_connections_in_use"), 0.0);
}
